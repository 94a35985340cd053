import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { after, test } from 'node:test'
import pino from 'pino'
import { generate } from 'selfsigned'
import { eventually } from '#kernel/test-support.ts'
import { problems } from '../problems.ts'
import { RemoteNode } from './remote-node.ts'
import { NodeFull, type SessionSpec } from './session-node.ts'

const ID = `ses_${'0'.repeat(25)}1`
/** Within which a silence is noticed, also on a machine that is busy; a call itself could take 130 s. */
const NOTICED_MS = 60_000
const log = pino({ level: 'silent' })
const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())

const { cert, private: key } = await generate([{ name: 'commonName', value: 'x' }])
const child = spawn(process.execPath, [join(import.meta.dirname, 'silent-fixture.ts')], {
  env: { ...process.env, TLS: JSON.stringify({ cert, key }) },
  stdio: ['ignore', 'pipe', 'inherit'],
})
stack.defer(() => void child.kill('SIGKILL'))
let output = ''
child.stdout.on('data', (chunk) => (output += String(chunk)))
const said = (word: string) => output.split(word).length - 1
const port = await eventually('it listens', () => /port (\d+)/.exec(output)?.[1])

const node = stack.use(
  new RemoteNode({
    ...{ instanceId: 'ins_x', url: `https://127.0.0.1:${port}`, log },
    ...{ fingerprint: new X509Certificate(cert).fingerprint256 },
    ...{ tokenFor: async (sessionId) => sessionId, free: () => 3 },
  }),
)
const holder = { kind: 'program', id: 'usr_x' } as const
const call = (input: unknown) => node.call(ID, 'state', input, { holder })

/** What the work fails with, which it has to within the time in which a silence is noticed. */
async function failureOf(work: Promise<unknown>): Promise<unknown> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(reject, NOTICED_MS, new Error('it has not failed in time'))
  const failure = work.then(
    () => assert.fail('it was answered'),
    (error: unknown) => error,
  )
  return Promise.race([failure, late]).finally(() => clearTimeout(timer))
}

async function assertUnreachable(work: Promise<unknown>): Promise<void> {
  const { code } = (await failureOf(work)) as { code?: string }
  assert.equal(code, problems.unreachable.kind.code)
}

test('of a node that falls silent without closing a connection every call fails soon, and it is used again once it answers', async () => {
  assert.equal(await call(1), 1)
  using _following = await node.follow(ID, { kinds: new Set(['console']) }, () => {})
  const underWay = [call('never'), call('never')]
  for (const one of underWay) one.catch(() => {})
  await eventually('they are under way', () => said('begun') === 2)
  await eventually('it is trusted', () => node.free === 3)

  child.kill('SIGSTOP')
  const later = call(2)
  const launch = failureOf(node.open({ id: ID } as SessionSpec))
  await Promise.all([...underWay, later].map(assertUnreachable))
  assert.ok((await launch) instanceof NodeFull, 'another machine may take it')
  assert.equal(node.free, 0, 'nothing is begun there')
  await assertUnreachable(call(3))

  const followed = said('followed')
  child.kill('SIGCONT')
  await eventually('it is trusted again', () => node.free === 3, NOTICED_MS)
  assert.equal(await call(4), 4)
  await eventually('its feed is followed again', () => said('followed') > followed, NOTICED_MS)
})
