import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { isSameProcess, signalProcess, startTicks } from '#kernel/processes.ts'
import { eventually } from '#kernel/test-support.ts'
import { type Body, NodeFleet } from './node-fleet.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const fleet = stack.use(
  await NodeFleet.open({ MAX_SESSIONS: '1', WARM_BROWSERS: '0' }, 'api,worker,node'),
)

const nodesOfFleet = async (): Promise<Body[]> => (await fleet.get('/fleet/nodes')).items
const run = (session: Body, script: string) =>
  fleet.post(`/sessions/${session.id}/execute`, { script })

/** The process of a node of this machine, by the lock of its data directory. None while it starts. */
function processOf(instanceId: string): { pid: number; ticks: number } {
  const lock = join(fleet.home.path, 'nodes', instanceId, 'run/node.lock')
  const text = existsSync(lock) ? readFileSync(lock, 'utf8') : ''
  const [pid = 0, ticks = 0] = text.split(' ').map(Number)
  return { pid, ticks }
}

async function isDriven(session: Body): Promise<boolean> {
  const { status, body } = await run(session, 'window.kept')
  return status === 200 && body.result === 44
}

test('a node process of this machine takes what does not fit, outlives everybody, and leaves nothing', async () => {
  const own = await fleet.session()
  const launched = await fleet.post('/fleet/instances', { provider: 'local' })
  assert.ok(launched.status < 300, JSON.stringify(launched.body))
  const { id } = launched.body
  const isReady = ({ instanceId, status }: Body) => instanceId === id && status === 'ready'
  await eventually('it has joined', async () => (await nodesOfFleet()).some(isReady), 60_000)
  const session = await fleet.session()
  assert.deepEqual([own.instanceId === id, session.instanceId], [false, id])
  await run(session, 'window.kept = 44')
  const first = processOf(id)
  stack.defer(() => void signalProcess(first.pid, 'SIGKILL'))

  fleet.api.signal('SIGKILL')
  await fleet.start()
  assert.equal(startTicks(first.pid), first.ticks, 'it has outlived the API')
  await eventually('its session is driven again', () => isDriven(session))

  signalProcess(first.pid, 'SIGKILL')
  await eventually(
    'it has started again',
    () => {
      const { pid, ticks } = processOf(id)
      return pid !== first.pid && isSameProcess(pid, ticks)
    },
    60_000,
  )
  const second = processOf(id)
  stack.defer(() => void signalProcess(second.pid, 'SIGKILL'))
  await eventually('its session is driven once more', () => isDriven(session))

  const ended = await fleet.call('DELETE', `/fleet/instances/${id}`)
  assert.ok(ended.status < 300, JSON.stringify(ended.body))
  await fleet.until(session.id, 'its session ends', ({ status }) => status === 'error')
  const place = join(fleet.home.path, 'nodes', id)
  await eventually(
    'nothing is left',
    () => !existsSync(place) && !isSameProcess(second.pid, second.ticks),
    60_000,
  )
  const left = fleet.home
    .processes()
    .filter(({ cmdline }) => cmdline.some((part) => part.includes(place)))
  assert.deepEqual(left, [])
  assert.equal((await run(own, '1')).status, 200, 'the browsers of others go on')
})
