import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { startBrowser } from '../driver/test-browser.ts'
import { Customer, TestLive } from './fixture.ts'

const LIMIT = { timeout: 180_000 }
const documentation = new URL('../../../../docs/live-view.md', import.meta.url)

const [watched, watching] = [await startBrowser(), await startBrowser()]
const [customer, viewer] = [
  await Customer.of(watched.endpoint),
  await Customer.of(watching.endpoint),
]

test('the viewer of the documentation shows a page, and drives it', LIMIT, async () => {
  const body = `<body style="margin:0;background:rgb(0,0,255)"><input id=field autofocus
    style="position:fixed;left:50px;top:50px;width:200px;height:40px">`
  const page = await customer.openPage('watched', body)
  await using live = await TestLive.start(watched.endpoint)
  const [, html] = /```html\n([\s\S]+?)```/.exec(await readFile(documentation, 'utf8'))!
  const far = await viewer.openPage(
    'Live view',
    html!.replace(/<title>.*<\/title>/, ''),
    `#${live.url}`,
  )

  const pixel = `[...document.querySelector('canvas').getContext('2d').getImageData(5, 5, 1, 1).data].join()`
  await eventually('it is blue', async () => {
    const [red, green, blue] = (await far.evaluate<string>(pixel)).split(',').map(Number)
    return red! < 40 && green! < 40 && blue! > 200
  })

  const at = await far.evaluate<{ x: number; y: number }>(
    `(({ left, top }) => ({ x: left + 100, y: top + 70 }))(document.querySelector('canvas').getBoundingClientRect())`,
  )
  const press = (type: string) =>
    viewer.send(
      'Input.dispatchMouseEvent',
      { type, ...at, button: 'left', clickCount: 1 },
      far.sessionId,
    )
  await press('mousePressed')
  await press('mouseReleased')
  await eventually('it has control', () => live.control.state.holder !== undefined)
  for (const type of ['keyDown', 'keyUp']) {
    const key = { key: 'ж', code: 'Semicolon', windowsVirtualKeyCode: 186 }
    await viewer.send(
      'Input.dispatchKeyEvent',
      { type, ...key, ...(type === 'keyDown' && { text: 'ж' }) },
      far.sessionId,
    )
  }
  await eventually('the letter is there', async () => (await page.evaluate('field.value')) === 'ж')
  assert.equal(await page.evaluate('document.activeElement.id'), 'field')
})
