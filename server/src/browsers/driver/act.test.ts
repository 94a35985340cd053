import assert from 'node:assert/strict'
import { test } from 'node:test'
import { driverOf, givenTime, refusal, startBrowser, TestSite } from './test-browser.ts'

const [browser, site] = await Promise.all([startBrowser(), TestSite.start()])
const driver = driverOf(browser)

const open = (body: string) => driver.navigate({ url: site.page(`<!doctype html>${body}`) })
const read = async (script: string) => (await driver.execute({ script })).result

const COUNTING = `<script>
  const clicks = []
  for (const name of ['click', 'dblclick', 'contextmenu']) {
    addEventListener(name, ({ type, target, clientX, detail }) => clicks.push([type, target.id, clientX, detail].join(' ')))
  }
</script>`

test('a click acts on the first of several matches, scrolled into view', async () => {
  await open(`<p style="height: 3000px"></p><button id=a>A</button><button id=b>B</button>
    <script>addEventListener('click', ({ target }) => { clicked = target.id })</script>`)
  await driver.click({ selector: 'button' })
  assert.equal(await read('clicked'), 'a')
  await driver.click({ selector: 'text=B' })
  assert.equal(await read('clicked'), 'b')
})

test('a click takes a point, a button and a number of clicks', async () => {
  await open(`<html id=page>${COUNTING}`)
  await driver.click({ x: 30, y: 40, clickCount: 2 })
  await driver.click({ x: 50, y: 40, button: 'right' })
  assert.deepEqual(await read('clicks'), [
    ...['click page 30 1', 'click page 30 2', 'dblclick page 30 2', 'contextmenu page 50 0'],
  ])
  const outside = await refusal(driver.click({ x: 5000, y: 40 }), 'browser.not_actionable')
  assert.match(outside.message, /point 5000, 40 .* outside the viewport of \d+ × \d+ pixels/)
})

test('a click waits for its element, and for one that is replaced meanwhile', async () => {
  await open(`<script>setTimeout(() => {
    document.body.innerHTML = '<button disabled>Late</button>'
    setTimeout(() => { document.body.innerHTML = '<button onclick="done = true">Late</button>' }, 200)
  }, 200)</script><body>`)
  await driver.click({ selector: 'button', timeoutMs: 60_000 })
  assert.equal(await read('done'), true)
})

test('an invalid selector is told apart from one that matches nothing', async () => {
  await open('<button>Here</button>')
  for (const selector of [
    '#a[[',
    '//[',
    'nope=1',
    'css=p:nope(1)',
    'role=',
    'p >>',
    'internal:x=1',
  ]) {
    const problem = await refusal(driver.click({ selector }), 'browser.selector_invalid')
    assert.equal(problem.status, 422)
    assert.ok(problem.message.includes(selector), problem.message)
  }
  await givenTime(200, async (timeoutMs) => {
    const absent = driver.click({ selector: '#absent', timeoutMs })
    const problem = await refusal(absent, 'browser.selector_not_found')
    assert.equal(problem.status, 422)
    const [, waitedMs] = /^No element matched #absent within (\d+) ms/.exec(problem.message)!
    assert.ok(Math.abs(Number(waitedMs) - timeoutMs) < 100, `${waitedMs} of ${timeoutMs} ms`)
  })
})

test('without a deadline of its own, a selector is given up after 5 seconds', async () => {
  await open('')
  const started = performance.now()
  await refusal(driver.click({ selector: '#absent' }), 'browser.selector_not_found')
  const tookMs = performance.now() - started
  // A command as a whole has 30 s.
  assert.ok(tookMs > 4_900 && tookMs < 25_000, `${tookMs} ms`)
})

test('an element that cannot be clicked says what stands in the way', async () => {
  await open(`<style>@keyframes run { from { left: 0 } to { left: 300px } }</style>
    <button id=disabled disabled>1</button>
    <button id=hidden style="display: none">2</button>
    <button id=outside style="position: fixed; left: -500px">3</button>
    <button id=moving style="position: relative; animation: run 0.2s infinite alternate">4</button>
    <div style="position: relative"><button id=covered>5</button>
      <i class=veil style="position: absolute; inset: 0">!</i></div>`)
  const reasons = {
    disabled: 'it is disabled',
    hidden: 'it is not visible',
    outside: 'it lies outside the viewport and cannot be scrolled into it',
    moving: 'it keeps moving',
    covered: 'it is covered by <i class="veil">!</i>',
  }
  for (const [id, reason] of Object.entries(reasons)) {
    await givenTime(1_000, async (timeoutMs) => {
      const click = driver.click({ selector: `#${id}`, timeoutMs })
      const problem = await refusal(click, 'browser.not_actionable')
      assert.equal(problem.status, 422)
      assert.equal(problem.message, `#${id} was not acted on: ${reason}.`)
    })
  }
})

test('a click that was given up does not happen later', async () => {
  await open(`<button id=x disabled onclick="clicked = true">X</button>
    <button id=y disabled>Y</button><script>clicked = false</script>`)
  await givenTime(2_000, (timeoutMs) =>
    refusal(driver.click({ selector: '#x', timeoutMs }), 'browser.not_actionable'),
  )
  await read(`document.querySelector('#x').disabled = false,
    setTimeout(() => { document.querySelector('#y').disabled = false }, 700)`)
  // This one has looked again and again, for longer than a click pauses between two looks.
  await driver.click({ selector: '#y', timeoutMs: 60_000 })
  assert.equal(await read('clicked'), false)
})

test('a click may close its own page', async () => {
  await open('<title>Opener</title><button onclick="window.open(location.href)">Open</button>')
  const opener = await driver.state()
  await driver.click({ selector: 'button' })
  assert.equal((await driver.state()).tabs.length, 2)
  await read('document.body.innerHTML = "<button onclick=window.close()>Close</button>"')
  await driver.click({ selector: 'button' })
  assert.deepEqual((await driver.state()).tabs, opener.tabs)
})

test('typing presses keys at the end of a field, or where the focus is', async () => {
  await open(`<input id=name value=Ann><textarea id=text>a</textarea><input id=mail type=email value=a@b>
    <p id=rich contenteditable>x</p><script>keys = []; onkeydown = (e) => keys.push(e.key)</script>`)
  await driver.type({ selector: '#name', text: 'a é!' })
  assert.equal(await read('document.querySelector("#name").value'), 'Anna é!')
  assert.deepEqual(((await read('keys')) as string[]).slice(0, 2), ['a', ' '])
  await driver.type({ text: 'B', delayMs: 1 })
  await driver.type({ selector: '#name', text: 'C' })
  assert.equal(await read('document.querySelector("#name").value'), 'Anna é!BC')

  await driver.type({ selector: '#text', text: 'b\nc' })
  assert.equal(await read('document.querySelector("#text").value'), 'ab\nc')
  await driver.type({ selector: '#mail', text: 'x@y', clear: true })
  assert.equal(await read('document.querySelector("#mail").value'), 'x@y')
  await driver.type({ selector: '#rich', text: 'new', clear: true })
  assert.equal(await read('document.querySelector("#rich").textContent'), 'new')
  await driver.type({ text: 'er', clear: true })
  assert.equal(await read('document.querySelector("#rich").textContent'), 'er')
})

test('typing waits for a field that is replaced meanwhile', async () => {
  await open(`<body><input readonly><script>setTimeout(() => {
    document.body.innerHTML = '<input oninput="typed = value">'
  }, 200)</script>`)
  await driver.type({ selector: 'input', text: 'x', timeoutMs: 60_000 })
  assert.equal(await read('typed'), 'x')
})

test('a field that cannot be typed into says why', async () => {
  await open(
    `<input id=fixed readonly><input id=off disabled><input id=hidden hidden><p id=text>T</p>`,
  )
  const reasons = {
    fixed: 'it is read-only',
    off: 'it is disabled',
    hidden: 'it is not visible',
    text: 'it is not a field that takes text',
  }
  for (const [id, reason] of Object.entries(reasons)) {
    await givenTime(800, async (timeoutMs) => {
      const typing = driver.type({ selector: `#${id}`, text: 'x', timeoutMs })
      const problem = await refusal(typing, 'browser.not_actionable')
      assert.equal(problem.message, `#${id} was not acted on: ${reason}.`)
    })
  }
  await givenTime(200, (timeoutMs) =>
    refusal(
      driver.type({ selector: '#absent', text: 'x', timeoutMs }),
      'browser.selector_not_found',
    ),
  )
})

test('typing that takes too long stops', async () => {
  await givenTime(300, async (timeoutMs) => {
    await open('<input autofocus>')
    const typing = driver.type({ text: 'x'.repeat(100), delayMs: 50, timeoutMs })
    const problem = await refusal(typing, 'browser.timeout')
    assert.match(problem.message, /the page to take 100 characters/)
  })
  // At the same pace, so that what still came would come in between.
  await driver.type({ text: 'yyyy', delayMs: 50 })
  assert.match(String(await read('document.querySelector("input").value')), /^x{0,99}yyyy$/)
})

test('scrolling moves the page by a distance, an element by a distance, or brings it into view', async () => {
  await open(`<style>html { scroll-behavior: smooth } body { margin: 0; height: 5000px; width: 3000px }</style>
    <div id=box style="height: 100px; overflow: auto"><p style="height: 900px"></p></div>
    <b id=far style="position: absolute; top: 4000px">Far</b>`)
  assert.deepEqual(await driver.scroll({ y: 300 }), { x: 0, y: 300 })
  assert.deepEqual(await driver.scroll({ x: 40, y: -100 }), { x: 40, y: 200 })
  assert.deepEqual(await driver.scroll({ selector: '#box', y: 50 }), { x: 0, y: 50 })
  const { y } = await driver.scroll({ selector: '#far' })
  assert.ok(y > 3000 && y <= 4000, `${y}`)
  assert.deepEqual((await driver.state()).scroll.y, y)
  await givenTime(200, (timeoutMs) =>
    refusal(driver.scroll({ selector: '#absent', timeoutMs }), 'browser.selector_not_found'),
  )
})
