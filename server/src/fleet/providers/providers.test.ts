import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import { temporaryPath } from '#kernel/test-support.ts'
import { combinations } from './ec2-launch.ts'
import { openKubernetes } from './kubernetes.ts'
import { type NodeProcesses, openLocal } from './local.ts'
import { ProviderFailure } from './provider.ts'
import { userData } from './user-data.ts'

const signal = AbortSignal.timeout(300_000)
const reasonOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'none',
    (error: unknown) => (error instanceof ProviderFailure ? error.reason : String(error)),
  )

interface Pod {
  name: string
  phase: string
  isReady?: boolean
  waiting?: string
  isEnding?: boolean
}

/** As much of an API server as scaling a Deployment takes. */
class ApiServer implements AsyncDisposable {
  replicas = 2
  labels: Record<string, string> = { 'gantry.dev/pool': 'true' }
  pods: Pod[] = []
  /** What each change was, in order. */
  readonly changes: string[] = []
  status = 0
  isHanging = false
  readonly #server = createServer((request, response) => void this.#answer(request, response))

  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    const server = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
    const file = temporaryPath('.yaml')
    const config = {
      ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'test' },
      clusters: [{ name: 'test', cluster: { server, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'test', user: { token: 'secret' } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    }
    await writeFile(file, JSON.stringify(config))
    return file
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url = '', headers } = request
    const body = await text(request)
    if (this.isHanging) return
    const reply = (status: number, content: unknown) =>
      void response
        .writeHead(status, { 'content-type': 'application/json' })
        .end(JSON.stringify(content))
    if (this.status || headers.authorization !== 'Bearer secret') {
      return reply(this.status || 401, { kind: 'Status', code: this.status || 401 })
    }
    const { pathname, searchParams } = new URL(url, 'http://x')
    const deployment = '/apis/apps/v1/namespaces/web/deployments/nodes'
    if (method === 'PATCH') return this.#patch(pathname, headers['content-type'], body, reply)
    if (pathname === deployment) return reply(200, this.#deployment())
    if (pathname !== '/api/v1/namespaces/web/pods') return reply(404, {})
    assert.equal(searchParams.get('labelSelector'), 'app=node')
    const from = Number(searchParams.get('continue') ?? 0)
    const next = from + 2 < this.pods.length ? { continue: String(from + 2) } : {}
    return reply(200, { metadata: next, items: this.pods.slice(from, from + 2).map(podOf) })
  }

  #patch(path: string, type = '', body: string, reply: (status: number, content: unknown) => void) {
    assert.equal(type, 'application/merge-patch+json')
    const [, pod] = /\/pods\/([\w-]+)$/.exec(path) ?? []
    if (pod && !this.pods.some(({ name }) => name === pod)) return reply(404, { code: 404 })
    const change = JSON.parse(body)
    this.changes.push(pod ? `cost of ${pod}` : `replicas ${change.spec.replicas}`)
    if (!pod) this.replicas = change.spec.replicas
    return reply(200, {})
  }

  #deployment() {
    const selector = { matchLabels: { app: 'node' } }
    const { replicas, labels } = this
    return { metadata: { name: 'nodes', labels }, spec: { replicas, selector, template: {} } }
  }
}

function podOf({ name, phase, isReady, waiting, isEnding }: Pod) {
  const creationTimestamp = '2026-11-20T12:00:00Z'
  return {
    metadata: {
      name,
      creationTimestamp,
      ...(isEnding && { deletionTimestamp: creationTimestamp }),
    },
    spec: { nodeName: 'worker-1', containers: [] },
    status: {
      ...{ phase, podIP: '10.1.0.4' },
      conditions: [{ type: 'Ready', status: isReady ? 'True' : 'False' }],
      containerStatuses: waiting ? [{ state: { waiting: { reason: waiting } } }] : [],
    },
  }
}

async function openCluster() {
  const api = new ApiServer()
  const kubeconfig = await api.listen()
  const provider = openKubernetes({ namespace: 'web', deployment: 'nodes', kubeconfig })
  return Object.assign(provider, { api, [Symbol.asyncDispose]: () => api[Symbol.asyncDispose]() })
}

test('the pods of the Deployment are the machines, over all pages of the list', async () => {
  await using cluster = await openCluster()
  cluster.api.pods = [
    { name: 'a', phase: 'Running', isReady: true },
    { name: 'b', phase: 'Pending' },
    { name: 'c', phase: 'Running', waiting: 'CrashLoopBackOff' },
    { name: 'd', phase: 'Failed' },
    { name: 'e', phase: 'Running', isReady: true, isEnding: true },
  ]
  const { machines } = await cluster.list(signal)
  assert.deepEqual(
    machines.map(({ providerId, state, health }) => [providerId, state, health]),
    [
      ['a', 'running', 'healthy'],
      ['b', 'pending', undefined],
      ['c', 'running', 'unhealthy'],
      ['d', 'gone', undefined],
      ['e', 'gone', 'healthy'],
    ],
  )
  assert.equal((await cluster.describe({ providerId: 'c' }, signal))?.privateIpAddress, '10.1.0.4')
  assert.equal(await cluster.describe({ providerId: 'z' }, signal), undefined)
})

test('the Deployment is scaled when it has another number, and the unwanted pods go first', async () => {
  await using cluster = await openCluster()
  cluster.api.pods = [{ name: 'a', phase: 'Running' }]
  await cluster.scale(2, [], signal)
  assert.deepEqual(cluster.api.changes, [])
  await cluster.scale(1, ['a', 'gone-already'], signal)
  assert.deepEqual(cluster.api.changes, ['cost of a', 'replicas 1'])
})

test('a Deployment without our label is left alone', async () => {
  await using cluster = await openCluster()
  cluster.api.labels = {}
  assert.equal(await reasonOf(cluster.list(signal)), 'not_ours')
  assert.equal(await reasonOf(cluster.scale(0, [], signal)), 'not_ours')
  assert.deepEqual(cluster.api.changes, [])
})

test('what an API server answers is told apart: busy, forbidden, broken, silent', async () => {
  await using cluster = await openCluster()
  for (const [status, reason] of [
    [429, 'throttled'],
    [403, 'refused'],
    [503, 'unavailable'],
  ] as const) {
    cluster.api.status = status
    assert.equal(await reasonOf(cluster.list(signal)), reason)
  }
  cluster.api.status = 0
  cluster.api.isHanging = true
  assert.equal(await reasonOf(cluster.list(AbortSignal.timeout(100))), 'unavailable')
})

test('node processes of this machine are launched only where that is provided for', async () => {
  const running = new Map<string, string>()
  const processes: NodeProcesses = {
    spawn: async ({ instanceId }) => {
      running.set('4711', instanceId)
      return { processId: '4711' }
    },
    list: async () =>
      [...running].map(([processId, instanceId]) => ({ processId, instanceId, purpose: 'pool' })),
    end: async (processId) => void running.delete(processId),
  }
  const some = openLocal(processes, true)
  const off = openLocal(processes, false)
  const spec = { instanceId: 'ins_1', purpose: 'pool', spot: false, tags: {}, joinToken: 'join_x' }
  assert.match(off.refuses.launch!, /LOCAL_NODES is off/)
  assert.equal(await reasonOf(off.launch(spec, signal)), 'refused')
  assert.equal(running.size, 0)
  const machine = await some.launch(spec, signal)
  assert.equal(await reasonOf(some.restart(machine, signal)), 'refused')
  // What was started before is still seen, and ended.
  assert.equal((await off.describe(machine, signal))?.instanceId, 'ins_1')
  await off.terminate(machine, signal)
  assert.deepEqual((await some.list(signal)).machines, [])
})

test('the start script of a machine is a shell script, and no setting breaks out of its line', () => {
  const node = {
    ...{ url: 'https://gantry.example', joinToken: 'join_x', instanceId: 'ins_1' },
    purpose: 'pool',
  }
  const script = userData(node)
  execFileSync('sh', ['-n'], { input: script, timeout: 60_000 })
  assert.match(script, /^ROLES=node$/m)
  assert.match(userData({ ...node, purpose: 'relay' }), /^ROLES=relay$/m)
  // A node that was drained ends by itself, and is not to come back.
  assert.match(script, /^Restart=on-failure$/m)
  for (const joinToken of ['a\nROLES=api', "a'b", 'a`id`', '$(id)', '']) {
    assert.throws(() => userData({ ...node, joinToken }), /character/)
  }
})

test('the types are tried in their order, each in every subnet; an asked type alone', () => {
  const options = {
    ...{ installationId: 'x', region: 'r', controlPlaneUrl: 'https://x', securityGroups: [] },
    ...{ instanceTypes: ['a', 'b'], subnets: ['s1', 's2'], tags: {} },
  }
  const spec = { instanceId: 'ins_1', purpose: 'pool', spot: false, tags: {}, joinToken: 'x' }
  const names = (change: object) =>
    combinations(options, { ...spec, ...change }).map((one) => `${one.instanceType} ${one.subnet}`)
  assert.deepEqual(names({}), ['a s1', 'a s2', 'b s1', 'b s2'])
  assert.deepEqual(names({ instanceType: 'c' }), ['c s1', 'c s2'])
})
