import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startBrowser } from '../driver/test-browser.ts'
import { ann, bob, Customer, type CustomerPage, Tap, TestLive, type TestViewer } from './fixture.ts'

const LIMIT = { timeout: 180_000 }
const ALT_CONTROL = 3
const browser = await startBrowser()
const customer = await Customer.of(browser.endpoint)

/** A page that notes each event of these kinds, as one line of what matters. */
const NOTING = `<body style="margin:0;height:5000px"><input id=field style="position:fixed;left:100px;top:100px;width:300px"><script>
  window.noted = []
  const modifiers = (event) => ['ctrlKey', 'altKey', 'shiftKey', 'metaKey'].filter((key) => event[key]).join()
  const told = {
    mouse: (event) => [event.clientX, event.clientY, event.button, event.buttons, event.detail, modifiers(event)],
    key: (event) => [event.key, event.code, event.keyCode, event.location, event.repeat, modifiers(event)],
    composition: (event) => [event.data],
    touch: (event) => [...event.touches].map((touch) => touch.clientX + ':' + touch.clientY),
  }
  const note = (names, tell) => names.forEach((name) =>
    addEventListener(name, (event) => noted.push([name, ...tell(event)].join(' ')), { passive: true }))
  note(['mousemove', 'mousedown', 'mouseup', 'dblclick'], told.mouse)
  note(['keydown', 'keyup'], told.key)
  note(['compositionstart', 'compositionupdate', 'compositionend'], told.composition)
  note(['touchstart', 'touchmove', 'touchend', 'touchcancel'], told.touch)
</script>`

const noted = (page: CustomerPage) => page.evaluate<string[]>('noted')
const field = (page: CustomerPage) => page.evaluate<string>('field.value')

async function expectNoted(viewer: TestViewer, page: CustomerPage, ...lines: string[]) {
  const has = async () => {
    const found = await noted(page)
    return lines.every((line) => found.includes(line))
  }
  await viewer.until(`noted ${lines.join(' | ')}`, has).catch(async (error: unknown) => {
    throw new Error(`noted only ${JSON.stringify(await noted(page))}`, { cause: error })
  })
}

async function expectField(viewer: TestViewer, page: CustomerPage, value: string) {
  await viewer.until(`the field holds ${value}`, async () => (await field(page)) === value)
}

/** Presses and lets go of a key. */
function strike(viewer: TestViewer, key: string, code: string, rest: object = {}): void {
  for (const action of ['down', 'up']) viewer.send({ type: 'key', action, key, code, ...rest })
}

test('mouse and wheel reach the page where they were meant to', LIMIT, async () => {
  const page = await customer.openPage('mouse', NOTING)
  await using live = await TestLive.start(browser.endpoint)
  const viewer = await live.drive('mouse')
  const at = { x: 40, y: 300 }
  viewer.send({ type: 'mouse', action: 'move', ...at, modifiers: 8 })
  await expectNoted(viewer, page, 'mousemove 40 300 0 0 0 shiftKey')
  for (const clicks of [1, 2])
    for (const action of ['down', 'up']) viewer.send({ type: 'mouse', action, ...at, clicks })
  await expectNoted(
    viewer,
    page,
    'mousedown 40 300 0 1 1 ',
    'mouseup 40 300 0 0 2 ',
    'dblclick 40 300 0 0 2 ',
  )
  viewer.send({ type: 'mouse', action: 'down', ...at, button: 'middle' })
  viewer.send({ type: 'mouse', action: 'move', x: 60, y: 310 })
  await expectNoted(viewer, page, 'mousedown 40 300 1 4 1 ', 'mousemove 60 310 0 4 0 ')
  viewer.send({ type: 'wheel', ...at, dy: 400 })
  await viewer.until('the page is scrolled', () => page.evaluate<boolean>('scrollY === 400'))
  assert.ok(live.activity > 0)
  await page.close()
})

test('keys write what their layout gives, and shortcuts write nothing', LIMIT, async () => {
  const page = await customer.openPage('keys', NOTING)
  await using live = await TestLive.start(browser.endpoint)
  const viewer = await live.drive('keys')
  await page.evaluate('field.focus()')
  strike(viewer, 'a', 'KeyA')
  strike(viewer, 'Ф', 'KeyA', { modifiers: 8 })
  strike(viewer, 'ß', 'Minus')
  strike(viewer, '@', 'KeyQ', { modifiers: ALT_CONTROL, altGraph: true })
  strike(viewer, '€', 'KeyE', { modifiers: 1 })
  strike(viewer, '7', 'Numpad7', { location: 3 })
  strike(viewer, 'Enter', 'Enter')
  await expectField(viewer, page, 'aФß@€7')
  await expectNoted(
    ...([
      viewer,
      page,
      'keydown a KeyA 65 0 false ',
      'keydown Ф KeyA 65 0 false shiftKey',
    ] as const),
    ...['keydown ß Minus 189 0 false ', 'keydown 7 Numpad7 103 3 false '],
    ...['keydown Enter Enter 13 0 false ', 'keyup Enter Enter 13 0 false '],
  )
  strike(viewer, 'a', 'KeyA', { modifiers: 2 })
  strike(viewer, 'Backspace', 'Backspace')
  await expectField(viewer, page, '')
  await expectNoted(viewer, page, 'keydown a KeyA 65 0 false ctrlKey')
  await page.close()
})

test('a composition is shown while it is under way, and ends in its text', LIMIT, async () => {
  const page = await customer.openPage('composition', NOTING)
  await using live = await TestLive.start(browser.endpoint)
  const viewer = await live.drive('composition')
  await page.evaluate('field.focus()')
  viewer.send({ type: 'compose', text: 'に' })
  viewer.send({ type: 'compose', text: 'にほん' })
  await expectField(viewer, page, 'にほん')
  viewer.send({ type: 'commit', text: '日本' })
  await expectField(viewer, page, '日本')
  await expectNoted(
    viewer,
    page,
    'compositionstart ',
    'compositionupdate にほん',
    'compositionend 日本',
  )
  const pasted = 'пароль 🔑\tdone'
  viewer.send({ type: 'paste', text: pasted })
  await expectField(viewer, page, `日本${pasted}`)
  await page.close()
})

test('fingers are put down, moved and lifted one by one', LIMIT, async () => {
  const page = await customer.openPage('touch', NOTING)
  await using live = await TestLive.start(browser.endpoint)
  const viewer = await live.drive('touch')
  const one = { id: 1, x: 200, y: 300 }
  const two = { id: 2, x: 250, y: 350 }
  viewer.send({ type: 'touch', action: 'start', points: [one] })
  viewer.send({ type: 'touch', action: 'start', points: [one, two] })
  await expectNoted(viewer, page, 'touchstart 200:300', 'touchstart 200:300 250:350')
  viewer.send({ type: 'touch', action: 'end', points: [one] })
  await expectNoted(viewer, page, 'touchend 200:300')
  viewer.send({ type: 'touch', action: 'end', points: [] })
  await expectNoted(viewer, page, 'touchend')
  await page.close()
})

test('input of anybody but the holder is refused, and the viewer is told why', LIMIT, async () => {
  const page = await customer.openPage('refusal', NOTING)
  await using live = await TestLive.start(browser.endpoint)
  const [first, second] = [await live.watch(), await live.watch({ holder: bob })]
  const onlooker = await live.watch({ holder: bob, mayControl: false })
  await Promise.all([first, second, onlooker].map((viewer) => viewer.sees('refusal')))
  const click = { type: 'mouse', action: 'down', x: 10, y: 300 }
  first.send(click)
  await first.notice('control.needed')
  first.send({ type: 'control', action: 'request' })
  await first.next('control', ({ state }) => state.holder?.id === ann.id)
  second.send(click)
  await second.notice('control.held')
  onlooker.send(click)
  onlooker.send({ type: 'control', action: 'request' })
  await onlooker.notice('control.not_allowed')
  second.send({ type: 'control', action: 'request', force: true })
  await second.notice('control.not_allowed')
  for (const bad of [
    { ...click, x: 1e9 },
    { ...click, also: 1 },
    { type: 'paste', text: 'x'.repeat(65_537) },
  ])
    first.send(bad)
  await first.notice('message.invalid')
  first.send({ ...click, x: 77 })
  await expectNoted(first, page, 'mousedown 77 300 0 1 1 ')
  assert.deepEqual(
    (await noted(page)).filter((line) => line.startsWith('mousedown')),
    ['mousedown 77 300 0 1 1 '],
  )
  await page.close()
})

test(
  'of two who take control at once one gets it, and the other when it is returned',
  LIMIT,
  async () => {
    const page = await customer.openPage('takers', NOTING)
    await using live = await TestLive.start(browser.endpoint)
    const viewers = [await live.watch(), await live.watch({ holder: bob })]
    for (const viewer of viewers) viewer.send({ type: 'control', action: 'request' })
    const waiting = await viewers[0]!.next('control', ({ state }) => state.requests.length === 1)
    const [winner, loser] = waiting.state.holder!.id === ann.id ? viewers : viewers.toReversed()
    winner!.send({ type: 'control', action: 'return', reason: 'done' })
    const { change } = await loser!.next(
      'control',
      ({ change }) => change?.name === 'control.granted' && change.from !== undefined,
    )
    assert.equal(change!.holder.id, waiting.state.requests[0]!.holder.id)
    const names = live.changes.map(({ name }) => name)
    assert.deepEqual(names, [
      'control.granted',
      'control.requested',
      'control.returned',
      'control.granted',
    ])
    await page.close()
  },
)

test(
  'what was held down is let go when control is taken, and when the holder is gone so is control',
  LIMIT,
  async () => {
    const page = await customer.openPage('let go', NOTING)
    await using live = await TestLive.start(browser.endpoint, { goneAfterSeconds: 0.2 })
    const first = await live.drive('let go')
    await page.evaluate('field.focus()')
    first.send({
      type: 'key',
      action: 'down',
      key: 'Shift',
      code: 'ShiftLeft',
      location: 1,
      modifiers: 8,
    })
    first.send({ type: 'mouse', action: 'down', x: 20, y: 300 })
    await expectNoted(
      first,
      page,
      'mousedown 20 300 0 1 1 ',
      'keydown Shift ShiftLeft 16 1 false shiftKey',
    )
    const second = await live.watch({ holder: bob, mayForce: true })
    second.send({ type: 'control', action: 'request', force: true })
    await expectNoted(second, page, 'mouseup 20 300 0 0 1 ', 'keyup Shift ShiftLeft 16 1 false ')
    await second.sees('let go')
    second.send({ type: 'mouse', action: 'down', x: 30, y: 310, button: 'right' })
    await expectNoted(first, page, 'mousedown 30 310 2 2 1 ')
    second.socket.terminate()
    await expectNoted(first, page, 'mouseup 30 310 2 0 1 ')
    await first.next(
      'control',
      ({ change }) => change?.name === 'control.returned' && change.why === 'gone',
    )
    assert.equal(live.control.state.holder, undefined)
    await page.close()
  },
)

test('a dialog is shown, and answered by the holder of control only', LIMIT, async () => {
  const button = `<button style="position:fixed;left:0;top:0;width:100px;height:50px" onclick="window.answer = prompt('Name?', 'nobody')">ask</button>`
  const page = await customer.openPage('dialog', NOTING + button)
  await using live = await TestLive.start(browser.endpoint)
  const viewer = await live.drive('dialog')
  const other = await live.watch({ holder: bob })
  await other.sees('dialog')
  for (const action of ['down', 'up']) viewer.send({ type: 'mouse', action, x: 30, y: 20 })
  const { dialog } = await other.next('dialog')
  assert.deepEqual(dialog, { type: 'prompt', message: 'Name?', text: 'nobody' })
  viewer.send({ type: 'mouse', action: 'move', x: 31, y: 20 })
  await viewer.notice('dialog.open')
  other.send({ type: 'dialog', accept: true })
  await other.notice('control.held')
  viewer.send({ type: 'dialog', accept: true, text: 'Ann' })
  await other.next('dialog', ({ dialog }) => dialog === null)
  await viewer.until('the answer is there', () => page.evaluate<boolean>(`window.answer === 'Ann'`))
  viewer.send({ type: 'dialog', accept: true })
  await viewer.notice('dialog.none')
  await page.close()
})

test('a dialog stays open when the last viewer leaves', LIMIT, async () => {
  const page = await customer.openPage('stays', NOTING)
  const tap = await Tap.on(browser.endpoint)
  await using live = await TestLive.start(tap.endpoint)
  const viewer = await live.watch()
  await viewer.sees('stays')
  await page.evaluate(`void setTimeout(() => (window.answer = confirm('Go on?')))`)
  await viewer.next('dialog')
  viewer.socket.close()
  await viewer.until('nobody watches', () => live.view.viewers === 0)
  assert.equal(tap.open, 1)
  const again = await live.drive('stays')
  const shown = again.messages.find((message) => message.type === 'hello')!
  assert.equal(shown.pages.find(({ title }) => title === 'stays')?.dialog?.message, 'Go on?')
  again.send({ type: 'dialog', accept: true })
  await again.until('it was accepted', () => page.evaluate<boolean>('window.answer'))
  await page.close()
})

test(
  'a page that hangs takes no more than a bounded part of the input, and the viewer is told',
  LIMIT,
  async () => {
    const page = await customer.openPage('hanging', NOTING)
    await using live = await TestLive.start(browser.endpoint)
    const viewer = await live.drive('hanging')
    void page.evaluate('while (!window.never);').catch(() => {})
    for (let n = 0; n < 200; n++) strike(viewer, 'a', 'KeyA')
    // It may have taken some of them before it began to hang.
    const more = setInterval(() => strike(viewer, 'a', 'KeyA'), 10)
    await viewer.notice('page.busy').finally(() => clearInterval(more))
    assert.ok(viewer.socket.readyState === viewer.socket.OPEN)
    await page.close()
  },
)
