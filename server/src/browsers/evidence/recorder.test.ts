import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { customerOf } from '../driver/test-browser.ts'
import { assertHar } from './test-har-shape.ts'
import { type Manifest, MANIFEST } from './manifest.ts'
import { RecordingReader } from './reader.ts'
import {
  browser,
  site,
  DEADLINE_MS,
  ANIMATED,
  MemoryStore,
  recording,
  openPage,
  all,
  untilFilmed,
} from './fixture.ts'

test('what is recorded is stored within seconds, and readable when the process is killed', async (t) => {
  const { recorder, sink } = await recording(t, { fps: 5 }, 5_000)
  await openPage(t, site.page(ANIMATED))
  recorder.input({ type: 'click' })
  const isStored = ({ totals }: Manifest) => totals.events > 0 && totals.frames > 0
  await eventually('a flush', () => Boolean(sink.manifest && isStored(sink.manifest)), DEADLINE_MS)
  const killed = new MemoryStore()
  for (const [name, bytes] of sink.objects) killed.objects.set(name, bytes)
  const reader = await RecordingReader.open(killed)
  assert.equal(reader.manifest.complete, false)
  const events = await all(reader.events())
  assert.ok(events.some(({ kind }) => kind === 'input'))
  assert.ok((await all(reader.frames())).length > 0)
  assertHar(JSON.parse((await all(reader.har())).join('')))
})

test('a recording ends at its bound and says so', async (t) => {
  const { recorder, sink } = await recording(t, { fps: 5, maxBytes: 60_000 })
  await openPage(t, site.page(ANIMATED))
  const pad = 'x'.repeat(5_000)
  const timer = setInterval(() => recorder.input({ pad }), 50)
  t.after(() => clearInterval(timer))
  assert.equal(await recorder.ended, 'limit')
  assert.equal(sink.manifest!.endedBy, 'limit')
  const stored = [...sink.objects].filter(([name]) => name !== MANIFEST)
  assert.ok(stored.reduce((sum, [, bytes]) => sum + bytes.length, 0) <= 60_000)
  const before = sink.objects.size
  recorder.input({ type: 'late' })
  await recorder.end()
  assert.equal(sink.objects.size, before)
})

test('a store that is away for a while ends no recording, and has all of it afterwards', async (t) => {
  const { recorder, sink } = await recording(t, { frames: false }, 50)
  await eventually('the recording has begun', () => sink.manifest !== undefined, DEADLINE_MS)
  sink.fails = true
  recorder.input({ type: 'click' })
  const { refused } = sink
  await eventually('it was tried again', () => sink.refused > refused + 3, DEADLINE_MS)
  recorder.input({ type: 'press' })
  sink.fails = false
  await eventually('it is stored', () => sink.manifest!.lastMs > 0, DEADLINE_MS)
  assert.equal((await recorder.end()).endedBy, 'asked')
  const inputs = (await all((await RecordingReader.open(sink)).events())).filter(
    ({ kind }) => kind === 'input',
  )
  assert.deepEqual(
    inputs.map(({ data }) => data.type),
    ['click', 'press'],
  )
})

test('live view and recording can both film a page', async (t) => {
  const page = await openPage(t, site.page(ANIMATED))
  const viewer = await customerOf(browser)
  const { sessionId } = await viewer.send<{ sessionId: string }>('Target.attachToTarget', {
    targetId: page.targetId,
    flatten: true,
  })
  await viewer.send('Page.enable', {}, sessionId)
  await viewer.send('Page.startScreencast', { format: 'jpeg', quality: 80 }, sessionId)
  const { recorder, sink } = await recording(t, { fps: 5 })
  await untilFilmed(sink, page.targetId, 6)
  await viewer.send('Page.stopScreencast', {}, sessionId)
  const at = (await recorder.end()).totals.frames
  assert.ok(at > 5)
})

test('the last state of a page that falls still is among the frames', async (t) => {
  const { recorder, sink } = await recording(t, { fps: 5 })
  const page = await openPage(
    t,
    site.page(`<script>
      const end = Date.now() + 1500
      const turn = () => {
        const over = Date.now() > end
        document.documentElement.style.background = over ? 'rgb(0, 255, 0)' : 'rgb(' + (Date.now() % 256) + ', 0, 255)'
        if (!over) requestAnimationFrame(turn)
      }
      turn()
    </script>`),
  )
  const colour = async (jpeg: Buffer) => {
    const { result } = await page.run(`new Promise((done) => {
      const image = new Image()
      image.onload = () => {
        const canvas = Object.assign(document.createElement('canvas'), { width: 1, height: 1 })
        const context = canvas.getContext('2d')
        context.drawImage(image, 0, 0, 1, 1)
        done([...context.getImageData(0, 0, 1, 1).data])
      }
      image.src = 'data:image/jpeg;base64,${jpeg.toString('base64')}'
    })`)
    return result.value as [red: number, green: number, blue: number]
  }
  const isGreen = async () => {
    if (!sink.manifest) return false
    const frames = await all((await RecordingReader.open(sink)).frames())
    const last = frames.findLast(({ pageId }) => pageId === page.targetId)
    if (!last) return false
    const [red, green, blue] = await colour(last.jpeg)
    return red < 40 && green > 200 && blue < 40
  }
  await eventually('the last frame is green', isGreen, DEADLINE_MS)
  await recorder.end()
})
