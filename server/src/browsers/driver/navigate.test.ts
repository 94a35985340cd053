import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { checkUrl } from './navigate.ts'
import { driverOf, givenTime, refusal, startBrowser, TestSite } from './test-browser.ts'

const proxy = createServer()
proxy.on('connect', (_request, socket) => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'))
await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
after(() => proxy.close())
const proxyPort = (proxy.address() as AddressInfo).port

const [browser, site] = await Promise.all([
  startBrowser(`--proxy-server=https=127.0.0.1:${proxyPort}`),
  TestSite.start(),
])
const driver = driverOf(browser)

test('a navigation answers with the URL it came to, the title and the HTTP status', async () => {
  const there = site.page('<title>There</title>')
  const here = site.page('', { status: 302, headers: { location: there } })
  assert.deepEqual(await driver.navigate({ url: here }), {
    url: there,
    title: 'There',
    status: 200,
  })

  const missing = site.page('<title>Gone</title>', { status: 404 })
  assert.equal((await driver.navigate({ url: missing })).status, 404)
  assert.deepEqual(await driver.currentPage(), { url: missing, title: 'Gone' })
})

test('an error status without a body is an answer, and about:blank has no status', async () => {
  assert.equal((await driver.navigate({ url: site.page('', { status: 500 }) })).status, 500)
  const blank = await driver.navigate({ url: 'about:blank' })
  assert.deepEqual(blank, { url: 'about:blank', title: '', status: null })
})

test('only http, https and about:blank are opened, however they are written', () => {
  const refused = [
    ...[
      'file:///etc/passwd',
      'FiLe:///etc/passwd',
      'chrome://version',
      'view-source:http://a.example',
    ],
    ...[
      'devtools://devtools',
      'javascript:alert(1)',
      'data:text/html,x',
      'blob:http://a.example/x',
    ],
    ...[
      ' http://a.example',
      '\tfile:///etc',
      'java\nscript:1',
      'http://a.example/ ',
      '\u0000http://a.example',
    ],
    ...[
      'about:srcdoc',
      'a.example',
      '',
      '//a.example',
      'http://',
      'http://a b/',
      'ftp://a.example',
    ],
  ]
  for (const url of refused) {
    assert.throws(() => checkUrl(url), { code: 'browser.url_refused' }, JSON.stringify(url))
  }
  assert.equal(checkUrl('HTTP://A.example/x y'), 'http://a.example/x%20y')
  assert.equal(checkUrl('ABOUT:blank'), 'about:blank')
})

test('a refused URL is not opened, and its credentials stay out of the answer', async () => {
  const problem = await refusal(
    driver.navigate({ url: 'http://ann:secret@a b/' }),
    'browser.url_refused',
  )
  assert.equal(problem.status, 422)
  assert.doesNotMatch(problem.message, /secret/)
  await refusal(driver.navigate({ url: 'file:///etc/passwd' }), 'browser.url_refused')
  assert.equal((await driver.state()).url, 'about:blank')
})

test('a failed navigation names the error as Chromium does, and says what it means', async () => {
  const failure = async (url: string) => {
    const problem = await refusal(driver.navigate({ url }), 'browser.navigation_failed')
    assert.equal(problem.status, 502)
    return problem.message
  }
  assert.match(
    await failure('http://nowhere.invalid/'),
    /net::ERR_NAME_NOT_RESOLVED \(the host has no address\)/,
  )
  assert.match(await failure('http://127.0.0.1:1/'), /net::ERR_UNSAFE_PORT/)
  assert.match(
    await failure('https://refused.example/'),
    /net::ERR_TUNNEL_CONNECTION_FAILED \(the host could not/,
  )
  assert.match(
    await failure(site.page('', { status: 204 })),
    /net::ERR_ABORTED \(the server sent no document/,
  )
  const attachment = {
    'content-type': 'application/octet-stream',
    'content-disposition': 'attachment',
  }
  assert.match(
    await failure(site.page('x', { headers: attachment })),
    /net::ERR_ABORTED \(it is a download/,
  )

  const next = await driver.navigate({ url: site.page('<title>Next</title>') })
  assert.equal(next.title, 'Next')
})

test('a page that does not come in time is given up, and the page before it can be used', async () => {
  await driver.navigate({ url: site.page('<title>Before</title>') })
  const { promise: never, resolve } = Promise.withResolvers<void>()
  const url = site.page('late', { when: never })

  await givenTime(300, async (timeoutMs) => {
    const problem = await refusal(driver.navigate({ url, timeoutMs }), 'browser.timeout')
    assert.equal(problem.status, 504)
    assert.equal(problem.message, `Waited ${timeoutMs} ms for load of ${url}.`)
  })
  const { result } = await driver.execute({ script: 'document.title' })
  assert.equal(result, 'Before')
  resolve()
})

test('waitUntil says how much of the page is awaited', async () => {
  const { promise: never, resolve } = Promise.withResolvers<void>()
  const image = site.page('', { when: never })
  const url = site.page(`<title>Slow image</title><img src="${image}">`)
  const limits = { url, timeoutMs: 500 }

  await refusal(driver.navigate(limits), 'browser.timeout')
  for (const waitUntil of ['domcontentloaded', 'commit'] as const) {
    assert.equal((await driver.navigate({ url, waitUntil })).status, 200)
  }
  await refusal(driver.navigate({ ...limits, waitUntil: 'networkidle' }), 'browser.timeout')
  assert.equal((await driver.state()).loading, true)
  resolve()
})

test('a page in an endless loop can be left', async () => {
  await givenTime(500, async (timeoutMs) => {
    await driver.navigate({ url: site.page('<button onclick="for (;;);">Loop</button>') })
    const click = driver.click({ selector: 'button', timeoutMs })
    assert.match(
      (await refusal(click, 'browser.timeout')).message,
      /the page to take the action on button/,
    )
  })
  const { title } = await driver.navigate({ url: site.page('<title>Free</title>') })
  assert.equal(title, 'Free')
})

test('a navigation is not mistaken for one that interrupts the page’s own before it', async () => {
  for (let round = 0; round < 10; round++) {
    await driver.navigate({ url: site.page('<title>Here</title>') })
    const own = site.page('<title>There</title>')
    await driver
      .execute({ script: `location.href = '${own}'; await new Promise(() => {})` })
      .catch(() => {})
    assert.equal((await driver.navigate({ url: site.page('<title>Next</title>') })).title, 'Next')
  }
})
