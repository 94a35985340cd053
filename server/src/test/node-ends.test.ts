import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { signalProcess } from '#kernel/processes.ts'
import { eventually } from '#kernel/test-support.ts'
import { within } from '#kernel/within.ts'
import { type Body, NodeFleet, type TestNode } from './node-fleet.ts'

const CLEAN = { processes: 0, directories: 0, sockets: 0 }
/** More than a node has to stop in. */
const END_MS = 60_000
const fleet = await NodeFleet.open()
after(() => fleet[Symbol.asyncDispose]())

const nodeOf = async ({ instanceId }: Body): Promise<Body> =>
  (await fleet.get('/fleet/nodes')).items.find((node: Body) => node.instanceId === instanceId)

/** How the process of a node has ended. */
async function endOf(node: TestNode) {
  const { ended } = node.process!
  assert.ok(await within(END_MS, ended), `it has not ended:\n${node.process!.output}`)
  return ended
}

test('a browser that dies while its node is dead ends its session with that reason, once the node is back', async () => {
  const node = await fleet.join()
  const session = await fleet.session()
  node.process!.signal('SIGKILL')
  await endOf(node)
  for (const pid of node.browsers()) signalProcess(pid, 'SIGKILL')
  await node.start()
  const { status, endReason, errorMessage, wipe } = await fleet.until(
    session.id,
    'it has ended',
    (row) => row.wipe,
  )
  assert.deepEqual([status, endReason, wipe], ['error', 'crashed', CLEAN])
  assert.match(errorMessage, /while its node was not running/)
  node.process!.signal('SIGTERM')
  await endOf(node)
})

test('a node that is stopped ends its sessions, says that it goes, and is back when it is started again', async () => {
  const node = await fleet.join()
  const session = await fleet.session()
  node.process!.signal('SIGTERM')
  assert.deepEqual(await endOf(node), { code: 0, signal: null })
  // Nobody had to find out: it has told, and both is written down.
  assert.equal((await nodeOf(session)).status, 'left')
  const { status, endReason, wipe } = await fleet.get(`/sessions/${session.id}`)
  assert.deepEqual([status, endReason, wipe], ['closed', 'server_stopped', CLEAN])
  const none = await fleet.post('/sessions', { queueTimeoutSeconds: 0 })
  assert.ok(none.status >= 400, JSON.stringify(none.body))

  await node.start()
  await eventually('it is back', async () => (await nodeOf(session)).status === 'ready')
  const again = await fleet.session()
  assert.equal(again.instanceId, session.instanceId)

  const { id } = await nodeOf(session)
  await fleet.post(`/fleet/nodes/${id}/drain`)
  await fleet.call('DELETE', `/sessions/${again.id}`)
  assert.deepEqual(await endOf(node), { code: 0, signal: null })
  assert.equal((await nodeOf(session)).status, 'left', 'drained and empty, it leaves too')
})

test('a pod that is drained stays where it is, since it would be started again, until it is let back or stopped', async () => {
  const pod = await fleet.join({ POD_NAME: 'nodes-7d4b9-x2x7z' })
  const session = await fleet.session()
  const { id } = await nodeOf(session)
  await fleet.post(`/fleet/nodes/${id}/drain`)
  await fleet.call('DELETE', `/sessions/${session.id}`)
  const drained = await eventually('it has told that it is drained', async () => {
    const node = await nodeOf(session)
    return node.sessions === 0 && node.status === 'draining' && node
  })
  await eventually('it goes on beating', async () => {
    const { status, lastBeatAt } = await nodeOf(session)
    assert.equal(status, 'draining')
    return Date.parse(lastBeatAt) > Date.parse(drained.lastBeatAt) + 6_000
  })
  await fleet.call('DELETE', `/fleet/nodes/${id}/drain`)
  await eventually('it is let back', async () => (await nodeOf(session)).status === 'ready')
  assert.equal((await fleet.session()).instanceId, session.instanceId)
  pod.process!.signal('SIGTERM')
  assert.deepEqual(await endOf(pod), { code: 0, signal: null })
  assert.equal((await nodeOf(session)).status, 'left')
})

interface Recorded {
  manifest: Body
  console: string
}

/** A session of this node that is recorded and has said `before`, once that is stored. */
async function recorded(): Promise<Body> {
  const session = await fleet.session({ recording: { frames: true, network: true } })
  assert.equal((await say(session, 'before')).status, 200)
  const isStored = async () => (await recordingOf(session)).console.includes('before')
  await eventually('it is stored', isStored)
  return session
}

const say = ({ id }: Body, text: string) =>
  fleet.post(`/sessions/${id}/execute`, { script: `console.log('${text}')` })

async function recordingOf({ id }: Body): Promise<Recorded> {
  const manifest = await fleet.get(`/sessions/${id}/recording`)
  return { manifest, console: String(await fleet.get(`/sessions/${id}/console`)) }
}

test('a recording goes on when its node was killed, with a gap, and is completed when the browser was killed too', async () => {
  const node = await fleet.join()
  const [goesOn, breaksOff] = [await recorded(), await recorded()]
  const before = (await recordingOf(goesOn)).manifest
  const pid = JSON.parse(await slotOf(node.home.path, breaksOff.id)).pid
  node.process!.signal('SIGKILL')
  await endOf(node)
  signalProcess(pid, 'SIGKILL')
  await node.start()

  const isRecorded = async () => {
    await say(goesOn, 'after')
    return (await recordingOf(goesOn)).console.includes('after')
  }
  await eventually('what is said now is recorded', isRecorded)
  await fleet.call('DELETE', `/sessions/${goesOn.id}`)
  const { manifest, console } = await recordingOf(goesOn)
  assert.deepEqual([manifest.complete, manifest.endedBy], [true, 'asked'])
  assert.equal(manifest.startedAt, before.startedAt)
  assert.deepEqual(
    manifest.parts.slice(0, before.parts.length).map(nameOf),
    before.parts.map(nameOf),
  )
  assert.equal(new Set(manifest.parts.map(nameOf)).size, manifest.parts.length)
  const [{ fromMs, toMs }] = manifest.gaps
  assert.equal(manifest.gaps.length, 1)
  assert.ok(manifest.parts.every((part: Body) => part.toMs <= fromMs || part.fromMs >= toMs))
  assert.match(console, /before[^]*after/)

  const broken = await eventually('it is completed', async () => {
    const recording = await recordingOf(breaksOff)
    return recording.manifest.complete && recording
  })
  assert.equal(broken.manifest.endedBy, 'interrupted')
  assert.match(broken.console, /before/)
  await eventually('nothing is left to complete', async () => {
    return (await readdir(join(node.home.path, 'run/recordings'))).length === 0
  })
})

const nameOf = ({ name }: Body): string => name

async function slotOf(home: string, sessionId: string): Promise<string> {
  const directory = join(home, 'run/slots')
  const texts = await Promise.all(
    (await readdir(directory)).map((name) => readFile(join(directory, name), 'utf8')),
  )
  return texts.find((text) => text.includes(sessionId))!
}
