import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { driverOf, givenTime, refusal, startBrowser, TestSite } from './test-browser.ts'

const [browser, site] = await Promise.all([startBrowser(), TestSite.start()])
const driver = driverOf(browser)

const open = (body: string) => driver.navigate({ url: site.page(`<!doctype html>${body}`) })
const run = async (script: string, ...args: unknown[]) =>
  (await driver.execute({ script, args })).result
const failure = async (script: string) => {
  const problem = await refusal(driver.execute({ script }), 'browser.script_failed')
  assert.equal(problem.status, 422)
  return { message: problem.message, stack: problem.facts.errors?.[0]?.message }
}

test('a script is an expression, a function or statements, and may await', async () => {
  await open('<title>Shop</title>')
  assert.equal(await run('document.title;'), 'Shop')
  assert.equal(await run('await Promise.resolve(document.title)'), 'Shop')
  assert.deepEqual(await run('{ a: 1 }'), { a: 1 })
  assert.equal(await run('(a, b) => a + b', 1, 2), 3)
  assert.equal(await run('async function (a) { return await a * 2 }', 4), 8)
  assert.equal(await run('const a = args[0]\nreturn a.x + arguments[1]', { x: 1 }, 2), 3)
  assert.equal(await run('let a = 1; a + 1'), null)
  assert.equal(await run('this === window'), true)
})

test('arguments arrive as they were sent', async () => {
  const args = [{ 'a"`${}</script>': ['\u2028', null, 1.5] }, JSON.parse('{"__proto__": {"x": 1}}')]
  assert.equal(await run('JSON.stringify(args)', ...args), JSON.stringify(args))
})

test('a result is JSON, with the values that JSON lacks in their nearest form', async () => {
  assert.equal(await run('undefined'), null)
  assert.equal(await run('0 / 0'), null)
  assert.equal(await run('2n ** 64n'), '18446744073709551616')
  assert.equal(await run('new Date(0)'), '1970-01-01T00:00:00.000Z')
  assert.deepEqual(await run('[1, , undefined, { a: undefined }]'), [1, null, null, {}])
  assert.deepEqual(await run('new Uint8Array([1, 2])'), [1, 2])
  const box = await run('new DOMRect(1, 2, 3, 4)')
  assert.deepEqual(box, { x: 1, y: 2, width: 3, height: 4, top: 2, right: 4, bottom: 6, left: 1 })
  assert.equal(await run('const a = { n: 1 }; return [a, a].length'), 2)
})

test('a result that JSON would lose is refused with its place', async () => {
  await open('<p>P</p>')
  const refused = {
    'document.body': 'result is a DOM node (body)',
    '({ found: [...document.querySelectorAll("p")] })': 'result.found[0] is a DOM node (p)',
    '() => () => 1': 'result is a function',
    '({ then: undefined, run() {} })': 'result.run is a function',
    'Symbol("x")': 'result is a symbol',
    'const a = {}; a.b = [a]; return a': 'result.b[0] refers back to what holds it',
    'new Map': 'result is an object of type Map',
    '[new Error("x")]': 'result[0] is an object of type Error',
    window: 'result is a window',
    'let a = []; for (let i = 0; i < 300; i++) a = [a]; return a':
      'it is nested more than 200 levels deep',
  }
  for (const [script, reason] of Object.entries(refused)) {
    const problem = await refusal(driver.execute({ script }), 'browser.result_not_serializable')
    assert.equal(problem.status, 422)
    assert.ok(problem.message.endsWith(`: ${reason}.`), problem.message)
  }
})

test('a large result arrives, and one beyond 8 MiB is refused', async () => {
  assert.equal(String(await run('"x".repeat(8_000_000)')).length, 8_000_000)
  for (const script of ['"x".repeat(9_000_000)', 'Array.from({ length: 5_000_000 }, () => 0)']) {
    const problem = await refusal(driver.execute({ script }), 'browser.result_too_large')
    assert.equal(problem.status, 422)
  }
})

test('a throw is told with its message and the stack in the lines of the script', async () => {
  const thrown = await failure('function deep() {\n  null.x\n}\ndeep()')
  assert.equal(
    thrown.message,
    "The script failed: TypeError: Cannot read properties of null (reading 'x').",
  )
  assert.deepEqual(thrown.stack?.split('\n'), [
    "TypeError: Cannot read properties of null (reading 'x')",
    ...['    at deep (script:2:8)', '    at script (script:4:1)'],
  ])
  const first = await failure('throw new Error("boom")')
  assert.equal(first.stack, 'Error: boom\n    at script (script:1:7)')
  assert.match((await failure('Promise.reject(new RangeError("no"))')).message, /RangeError: no/)
  assert.match((await failure('throw "text"')).message, /: text\.$/)
  assert.match((await failure('throw { code: 7 }')).message, /: {"code":7}\.$/)
  assert.match((await failure('throw null')).message, /: null\.$/)
})

test('a long stack is cut at 8 KiB', async () => {
  const script = 'const error = new Error("x"); error.stack = "y".repeat(1e6); throw error'
  assert.equal((await failure(script)).stack?.length, 8 * 1024)
})

test('a syntax error is told with its line, and nothing is run', async () => {
  await open('<title>Kept</title>')
  const { message, stack } = await failure('document.title = "Lost"\nfoo bar\n')
  assert.match(message, /SyntaxError: Unexpected identifier 'bar'/)
  assert.match(stack!, /at script:2:5$/)
  assert.match((await failure('1 +')).message, /SyntaxError/)
  assert.equal(await run('document.title'), 'Kept')
})

test('neither a content policy nor a replaced JSON nor a patched prototype changes a result', async () => {
  const headers = { 'content-security-policy': "default-src 'none'" }
  await driver.navigate({ url: site.page('<title>Closed</title>', { headers }) })
  assert.equal(await run('document.title'), 'Closed')
  await run(`JSON.stringify = JSON.parse = () => 'mine'; Array.prototype.toString = () => 'mine'`)
  assert.deepEqual(await run('[{ a: [1] }]'), [{ a: [1] }])
})

test('an endless loop is ended, and the next command works', async () => {
  await open('<title>Alive</title>')
  await givenTime(300, async (timeoutMs) => {
    const loop = driver.execute({ script: 'for (;;);', timeoutMs })
    const problem = await refusal(loop, 'browser.timeout')
    assert.equal(problem.status, 504)
    assert.equal(problem.message, `Waited ${timeoutMs} ms for the script to end.`)
  })
  assert.equal(await run('document.title'), 'Alive')
})

test('a script that only waits is left to itself, and so is the page', async () => {
  await open('<title>Alive</title>')
  const waits = driver.execute({ script: 'new Promise(() => {})', timeoutMs: 200 })
  await refusal(waits, 'browser.timeout')
  assert.equal(await run('document.title'), 'Alive')
})

test('a page that leaves under a script ends it', async () => {
  await open('')
  const next = site.page('<title>Next</title>')
  const script = `location.href = '${next}'; await new Promise(() => {})`
  assert.match((await failure(script)).message, /the page went elsewhere/)
  await eventually('the next page', async () => (await run('document.title')) === 'Next')
})

test('a page that loops while it leaves is replaced by the next navigation', async () => {
  await open('')
  const away = site.page('<title>Never</title>')
  // The page may be gone before the script's answer is.
  await driver.execute({ script: `location.href = '${away}'; return 1` }).catch(() => {})
  await driver.execute({ script: 'for (;;);', timeoutMs: 500 }).catch(() => {})
  const { title } = await open('<title>Fresh</title>')
  assert.equal(title, 'Fresh')
  assert.equal((await driver.state()).tabs.length, 1)
})

test('a page that nothing can end is given up for a fresh one, and counts no more', async () => {
  await open('')
  const never = site.page('', { when: new Promise(() => {}) })
  const script = `const request = new XMLHttpRequest(); request.open('GET', '${never}', false); request.send()`
  await refusal(driver.execute({ script, timeoutMs: 300 }), 'browser.timeout')
  const { title } = await open('<title>Fresh</title>')
  assert.equal(title, 'Fresh')
  assert.equal((await driver.state()).tabs.length, 1)
})
