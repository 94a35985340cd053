import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { breakFrames, flood, neverReads, takeControl } from './clients.ts'
import { fillDisk } from './disk.ts'
import { Scene } from './scene.ts'

const scene = await Scene.open({ SESSION_DISK_MB: '100' })
after(() => scene[Symbol.asyncDispose]())

// One of them waits for half a minute to be cut; the others need not wait for it.
describe('at the same time', { concurrency: true }, () => {
  test('a client that never reads is cut', async (t) => {
    assert.equal((await scene.survives(t, neverReads)).endReason, 'asked')
  })

  test('a client that floods is answered, held back or cut', async (t) => {
    assert.equal((await scene.survives(t, (culprit) => flood(culprit, 5_000))).endReason, 'asked')
  })

  test('a client that sends broken frames loses its socket, and nothing else', async (t) => {
    const ended = await scene.survives(t, (culprit) => breakFrames(culprit, 2))
    assert.equal(ended.endReason, 'asked')
  })

  test('a client that asks for control with another at once has it, or waits for it', async (t) => {
    const ended = await scene.survives(t, (culprit) => takeControl(culprit, 5))
    assert.equal(ended.endReason, 'asked')
  })

  test('a page that fills the disk ends its session, which says so, and no other', async (t) => {
    const ended = await scene.survives(t, async (culprit) => {
      await fillDisk(culprit, 200)
      await culprit.lost()
      const late = await culprit.command('execute', { script: '1' })
      assert.deepEqual([late.status, late.body.code], [410, 'browser.crashed'])
      assert.match(late.body.detail, /100 MiB of disk/)
    })
    assert.deepEqual([ended.status, ended.endReason], ['error', 'disk'])
    assert.match(ended.errorMessage, /took more than the 100 MiB of disk/)
  })
})
