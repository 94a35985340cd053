import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  downloadMuch,
  eatMemory,
  eatProcessor,
  openDialogs,
  openPopups,
  site,
  useLongUrl,
} from './pages.ts'
import { Scene } from './scene.ts'

const scene = await Scene.open({ SESSION_MEMORY_MB: '1000' }, site)
after(() => scene[Symbol.asyncDispose]())

test('a page that eats memory ends its session, which says so, and no other', async (t) => {
  const ended = await scene.survives(t, eatMemory)
  assert.deepEqual([ended.status, ended.endReason], ['error', 'memory'])
  assert.match(ended.errorMessage, /took \d+ MiB of memory; a session may take 1000 MiB/)
})

test('a page that never stops to count times out, and the session can be ended', async (t) => {
  const ended = await scene.survives(t, (culprit) => eatProcessor(culprit, 4))
  assert.equal(ended.endReason, 'asked')
})

test('of a hundred windows more than a session may have, none stays open', async (t) => {
  const ended = await scene.survives(t, (culprit) => openPopups(culprit, 150))
  assert.equal(ended.endReason, 'asked')
})

test('of a thousand downloads a bounded number is kept', async (t) => {
  const ended = await scene.survives(t, (culprit) => downloadMuch(culprit, scene.site.url, 1_000))
  assert.equal(ended.endReason, 'asked')
})

test('a page whose dialogs never end can be answered, left and ended', async (t) => {
  const ended = await scene.survives(t, (culprit) => openDialogs(culprit, 20))
  assert.equal(ended.endReason, 'asked')
})

test('an address of 50 MB is carried nowhere', async (t) => {
  const ended = await scene.survives(t, (culprit) => useLongUrl(culprit, 50))
  assert.equal(ended.endReason, 'asked')
})
