import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'
import { driverOf, refusal, startBrowser, TestSite } from './test-browser.ts'

const [browser, site] = await Promise.all([
  startBrowser('--host-resolver-rules=MAP *.test 127.0.0.1'),
  TestSite.start(),
])
const driver = driverOf(browser)

const names = async (urls?: string[]) => {
  const { cookies } = await driver.cookies({ action: 'get', ...(urls && { urls }) })
  return cookies!.map(({ name }) => name).toSorted()
}
const read = async (script: string) => (await driver.execute({ script })).result
const pageAt = (host: string) => site.page('<title>x</title>').replace('127.0.0.1', host)

beforeEach(() => driver.cookies({ action: 'clear' }))

test('cookies that are set reach the pages they are for, and are read back as they are', async () => {
  const later = Math.floor(Date.now() / 1000) + 3600
  const set = [
    { name: 'a', value: '1', url: 'http://shop.test/' },
    { name: 'b', value: '2', domain: '.shop.test', expires: later, sameSite: 'Lax' as const },
    { name: 'c', value: '3', domain: 'www.shop.test', httpOnly: true },
  ]
  assert.deepEqual(await driver.cookies({ action: 'set', cookies: set }), { count: 3 })
  await driver.navigate({ url: pageAt('shop.test') })
  assert.equal(await read('document.cookie'), 'a=1; b=2')
  await driver.navigate({ url: pageAt('www.shop.test') })
  assert.equal(await read('document.cookie'), 'b=2')

  const { cookies = [] } = await driver.cookies({ action: 'get' })
  assert.deepEqual(
    cookies.find(({ name }) => name === 'b'),
    {
      ...{ name: 'b', value: '2', domain: '.shop.test', path: '/', expires: later },
      ...{ httpOnly: false, secure: false, sameSite: 'Lax' },
    },
  )
  assert.deepEqual(
    cookies.find(({ name }) => name === 'a'),
    { name: 'a', value: '1', domain: 'shop.test', path: '/', httpOnly: false, secure: false },
  )
  await driver.cookies({ action: 'clear' })
  await driver.cookies({ action: 'set', cookies })
  assert.deepEqual((await driver.cookies({ action: 'get' })).cookies, cookies)
})

test('cookies are told for the URLs that they would be sent to', async () => {
  const cookies = [
    { name: 'host', value: '1', domain: 'shop.test' },
    { name: 'wide', value: '1', domain: '.shop.test' },
    { name: 'deep', value: '1', domain: 'shop.test', path: '/a' },
    { name: 'safe', value: '1', domain: 'shop.test', secure: true },
  ]
  await driver.cookies({ action: 'set', cookies })
  assert.deepEqual(await names(), ['deep', 'host', 'safe', 'wide'])
  assert.deepEqual(await names(['http://shop.test/']), ['host', 'wide'])
  assert.deepEqual(await names(['http://www.shop.test/', 'http://other.test']), ['wide'])
  assert.deepEqual(await names(['https://shop.test/a/b']), ['deep', 'host', 'safe', 'wide'])
  assert.deepEqual(await names(['http://shop.test/ab']), ['host', 'wide'])
})

test('cookies are cleared by name, domain or path, and else all of them', async () => {
  const cookies = [
    { name: 'a', value: '1', domain: 'shop.test' },
    { name: 'b', value: '1', domain: '.shop.test' },
    { name: 'a', value: '1', domain: 'other.test', path: '/x' },
    { name: 'c', value: '1', url: 'http://127.0.0.1/', httpOnly: true },
  ]
  const fill = () => driver.cookies({ action: 'set', cookies })
  await fill()
  assert.deepEqual(await driver.cookies({ action: 'clear', name: 'a' }), { count: 2 })
  assert.deepEqual(await names(), ['b', 'c'])
  await fill()
  assert.deepEqual(await driver.cookies({ action: 'clear', domain: 'shop.test' }), { count: 2 })
  assert.deepEqual(await names(), ['a', 'c'])
  await fill()
  assert.deepEqual(await driver.cookies({ action: 'clear', path: '/x', name: 'a' }), { count: 1 })
  assert.deepEqual(await names(), ['a', 'b', 'c'])
  assert.deepEqual(await driver.cookies({ action: 'clear', domain: '127.0.0.1' }), { count: 1 })
  assert.deepEqual(await driver.cookies({ action: 'clear' }), { count: 2 })
  assert.deepEqual(await names(), [])
})

test('a cookie that the browser does not take is named, and the others are set', async () => {
  const cookies = [
    { name: 'good', value: '1', domain: 'shop.test' },
    { name: 'lost', value: '1' },
    { name: 'bad;', value: '1', domain: 'shop.test' },
    { name: '__Host-x', value: '1', domain: 'shop.test', path: '/a', secure: true },
  ]
  const problem = await refusal(
    driver.cookies({ action: 'set', cookies }),
    'browser.cookie_refused',
  )
  assert.equal(problem.status, 422)
  assert.deepEqual(
    problem.facts.errors?.map(({ path }) => path),
    ['body.cookies.1', 'body.cookies.2', 'body.cookies.3'],
  )
  assert.deepEqual(await names(), ['good'])
})

test('cookies can be read while a dialog holds the page, and not after the caller has gone', async () => {
  await driver.navigate({ url: pageAt('shop.test') })
  await refusal(driver.execute({ script: 'alert(1)' }), 'browser.dialog_open')
  await driver.cookies({ action: 'set', cookies: [{ name: 'a', value: '1', domain: 'x.test' }] })
  assert.deepEqual(await names(), ['a'])
  await driver.dialog({ action: 'accept' })
  const reason = new Error('the client went away')
  const gone = driver.cookies({ action: 'get' }, AbortSignal.abort(reason))
  await assert.rejects(gone, reason)
  const caller = new AbortController()
  const slow = driver.execute({ script: 'new Promise(() => {})' }, caller.signal)
  const ended = assert.rejects(slow, reason)
  await refusal(driver.cookies({ action: 'get', timeoutMs: 200 }), 'browser.timeout')
  caller.abort(reason)
  await ended
})
