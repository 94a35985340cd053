import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { eventually, freePort, temporaryPath } from '@gantry/server/kernel/test-support.ts'
import { serveHttp } from '../../../sdk/src/tunnels/test-agent.ts'
import { TestPlane } from '../../../sdk/src/tunnels/test-plane.ts'
import { TestRelay, visit } from '../../../sdk/src/tunnels/test-relay.ts'

const GANTRY = join(import.meta.dirname, '../../bin/gantry.mjs')

/** One run of the command. */
class Command implements AsyncDisposable {
  readonly child: ChildProcess
  readonly ended: Promise<number | null>
  output = ''
  errors = ''

  constructor(
    args: readonly string[],
    env: Record<string, string | undefined>,
    flags: string[] = [],
  ) {
    this.child = spawn(process.execPath, [...flags, GANTRY, ...args], {
      env: { PATH: process.env.PATH, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.child.stdout!.on('data', (chunk: Buffer) => (this.output += chunk.toString()))
    this.child.stderr!.on('data', (chunk: Buffer) => (this.errors += chunk.toString()))
    this.ended = once(this.child, 'close').then(([code]) => code as number | null)
  }

  async says(text: string | RegExp): Promise<void> {
    const isSaid = () =>
      typeof text === 'string' ? this.output.includes(text) : text.test(this.output)
    await eventually(`it says ${text}, not only ${this.output}${this.errors}`, isSaid)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL')
    await this.ended
  }
}

interface World extends AsyncDisposable {
  relay: TestRelay
  plane: TestPlane
  port: number
  env: Record<string, string>
  gantry(...args: string[]): Command
  /** By a Node that is too old for it, which hands over to the one that the lockfile pins. */
  gantryByOldNode(...args: string[]): Command
}

/** Makes Node take itself for another one. */
const OLD_NODE =
  "--import=data:text/javascript,Object.defineProperty(process.versions,'node',{value:'20.0.0'})"

async function world(): Promise<World> {
  await using stack = new AsyncDisposableStack()
  const relay = stack.use(await TestRelay.start())
  const plane = stack.use(await TestPlane.start([relay]))
  const service = stack.use(await serveHttp((_request, response) => response.end('hello')))
  const env = { GANTRY_URL: plane.url, GANTRY_API_KEY: 'key', XDG_CONFIG_HOME: temporaryPath() }
  const owned = stack.move()
  return {
    ...{ relay, plane, env, port: service.port },
    gantry: (...args) => owned.use(new Command(args, env)),
    gantryByOldNode: (...args) => owned.use(new Command(args, env, [OLD_NODE])),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

test('gantry tunnel http prints the address and the requests, and ends in order', async () => {
  await using at = await world()
  const command = at.gantry('tunnel', 'http', String(at.port), '--name', 'shop')
  await command.says(`shop  http://shop.localhost:1  ->  http://localhost:${at.port}`)
  await command.says('relay rel_test: open')
  const [link] = at.relay.links
  const { id } = at.plane.named('shop')
  assert.equal((await visit(link!, { id, target: `http://localhost:${at.port}` })).status, 200)
  const line = { at: '2026-01-02T03:04:05Z', method: 'GET', status: 200, durationMs: 3.4, bytes: 9 }
  link!.tell({ type: 'request', tunnelId: id, line: { ...line, path: '/\u001b[2J' }, more: 2 })
  await command.says('GET    /?[2J  200  3 ms  (and 2 more)')
  command.child.kill('SIGINT')
  assert.equal(await command.ended, 0)
  assert.deepEqual(link!.messages, [{ type: 'leave' }])
  assert.equal(command.errors, '')
})

test('an agent that an older Node has begun ends in order when that one is killed', async () => {
  await using at = await world()
  const launcher = at.gantryByOldNode('tunnel', 'http', String(at.port), '--name', 'shop')
  await launcher.says('relay rel_test: open')
  const { pid } = launcher.child
  const [agent] = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8'))
    .split(' ')
    .map(Number)
  await using stack = new AsyncDisposableStack()
  stack.defer(() => void (isRunning(agent!) && process.kill(agent!, 'SIGKILL')))
  const [link] = at.relay.links
  launcher.child.kill('SIGKILL')
  await eventually('the agent has left', () => link!.messages.length > 0)
  assert.deepEqual(link!.messages, [{ type: 'leave' }])
  await eventually('the agent has ended', () => !isRunning(agent!))
})

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
test('a service that does not run is named, once for many visitors', async () => {
  await using at = await world()
  const port = await freePort()
  const command = at.gantry('tunnel', 'http', String(port), '--name', 'shop')
  await command.says('relay rel_test: open')
  const { id } = at.plane.named('shop')
  const [link] = at.relay.links
  for (let visits = 0; visits < 3; visits++) {
    const stream = link!.open(id, `http://localhost:${port}`)
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>]
    assert.equal(headers[':status'], 502)
  }
  const told = new RegExp(
    `nothing answers at localhost:${port} \\(connect ECONNREFUSED .*\\): is the service running`,
  )
  await command.says(told)
  command.child.kill('SIGINT')
  assert.equal(await command.ended, 0)
  assert.equal(command.output.match(/nothing answers/g)?.length, 1)
})

test('a proxy that refuses, asks for credentials or is away is blamed by name', async () => {
  await using at = await world()
  const answers: Record<string, number> = {}
  const proxy = createServer()
  proxy.on('connect', ({ headers }, socket) => {
    const status = answers[headers['proxy-authorization'] ?? ''] ?? 403
    socket.end(`HTTP/1.1 ${status} No\r\n\r\n`)
  })
  proxy.listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  await using _proxy = { [Symbol.asyncDispose]: async () => void proxy.close() }
  const { port } = proxy.address() as AddressInfo
  answers[`Basic ${Buffer.from('ann:wrong').toString('base64')}`] = 407
  const away = await freePort()
  const cases = [
    [`127.0.0.1:${port}`, /^gantry: the proxy answered 403 to CONNECT: ask whoever runs it/],
    [
      `http://ann:wrong@127.0.0.1:${port}`,
      /^gantry: the proxy answered 407 to CONNECT: .*credentials/,
    ],
    [`http://127.0.0.1:${away}`, /^gantry: the proxy does not answer \(connect ECONNREFUSED/],
    ['socks5://127.0.0.1:1', /^gantry: HTTP_PROXY is not the URL of an HTTP proxy/],
  ] as const
  for (const [HTTP_PROXY, message] of cases) {
    const env = { ...at.env, GANTRY_URL: 'http://gantry.test:8700', HTTP_PROXY }
    await using list = new Command(['tunnel', 'list'], env)
    assert.equal(await list.ended, 1)
    assert.match(list.errors, message)
    assert.doesNotMatch(list.errors, /Is it running|wrong@/)
    if (HTTP_PROXY === 'socks5://127.0.0.1:1') continue
    await using agent = new Command(
      ['tunnel', 'http', '3000', '--name', 'shop', '--exit-on-failure'],
      env,
    )
    assert.equal(await agent.ended, 2)
    assert.match(agent.errors, /^gantry: no relay could be reached: the proxy /)
  }
})

test('a second signal ends it at once', async () => {
  await using at = await world()
  const command = at.gantry('tunnel', 'http', String(at.port), '--name', 'shop')
  await command.says('relay rel_test: open')
  const stream = at.relay.links[0]!.open(at.plane.named('shop').id, `http://localhost:${at.port}`)
  await once(stream, 'response')
  command.child.kill('SIGTERM')
  await command.says('Ending what is under way')
  command.child.kill('SIGTERM')
  assert.equal(await command.ended, 143)
})

test('without a name one is made for the service, and found again by the next run', async () => {
  await using at = await world()
  for (const _run of [1, 2]) {
    const command = at.gantry('tunnel', 'http', String(at.port), '--json')
    await command.says('"event":"link"')
    command.child.kill('SIGTERM')
    await command.ended
    const events = command.output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.equal(events[0].event, 'tunnels')
    assert.match(events[0].tunnels[0].name, new RegExp(`^[a-z]+-[a-z]+-${at.port}$`))
  }
  assert.equal(at.plane.tunnels.size, 1)
})

test('several tunnels of a file are held by one run, and a file that is wrong says where', async () => {
  await using at = await world()
  const file = temporaryPath('.json')
  const write = (value: unknown) => writeFile(file, JSON.stringify(value))
  await write({
    label: 'laptop',
    tunnels: [
      { name: 'shop', http: at.port, basicAuth: 'ann:long enough', hostHeader: 'rewrite' },
      { name: 'db', tcp: '127.0.0.1:5432' },
    ],
  })
  const command = at.gantry('tunnel', 'start', file)
  await command.says('relay rel_test: open')
  assert.match(command.output, /shop .*\ndb .*tcp:\/\/127\.0\.0\.1:5432/)
  assert.deepEqual(
    at.plane.joins.map(({ label, tunnels }) => [label, tunnels.length]),
    [['laptop', 2]],
  )
  assert.deepEqual(at.plane.named('shop').config, {
    hostHeader: 'rewrite',
    basicAuth: { username: 'ann', password: 'long enough' },
  })
  const cases = [
    [{ tunnels: [{ name: 'x', port: 1 }] }, /tunnels\[0\] has no member port/],
    [{ tunnels: [{ name: 'x' }] }, /tunnels\[0\] must have either http or tcp/],
    [{ tunnels: [] }, /tunnels must be a list/],
    [{ tunnels: [{ name: 'x', http: 'ftp://x' }] }, /'ftp:\/\/x' is not the address of a service/],
  ] as const
  for (const [value, message] of cases) {
    await write(value)
    const wrong = at.gantry('tunnel', 'start', file)
    assert.equal(await wrong.ended, 1)
    assert.match(wrong.errors, message)
    assert.doesNotMatch(wrong.errors, / at .*\.ts:/, 'no stack')
  }
})

test('the status tells why it ended: no connection 2, tunnel lost 3, key refused 4, wrong use 1', async () => {
  await using at = await world()
  const open = (...args: string[]) =>
    at.gantry('tunnel', 'http', String(at.port), '--name', 'shop', ...args)
  const lost = open()
  await lost.says('relay rel_test: open')
  const tunnelId = at.plane.named('shop').id
  at.relay.links[0]!.tell({ type: 'lost', tunnelId, code: 'tunnel.taken_over', detail: 'newer' })
  assert.equal(await lost.ended, 3)
  assert.match(lost.output + lost.errors, /newer/)

  at.plane.relays = [{ id: 'rel_gone', url: `http://127.0.0.1:${await freePort()}` }]
  const alone = open('--exit-on-failure')
  assert.equal(await alone.ended, 2)
  assert.match(alone.errors, /no relay could be reached: connect ECONNREFUSED/)

  at.plane.refuse = { status: 401, code: 'auth.key_ended' }
  const refused = open()
  assert.equal(await refused.ended, 4)
  assert.match(refused.errors, /key does not count any more/)

  const slip = open('--exit-on-failur')
  assert.equal(await slip.ended, 1)
  assert.match(slip.errors, /no option --exit-on-failur/)
  const word = at.gantry('tunnel', 'http', String(at.port), 'shop')
  assert.equal(await word.ended, 1)
  assert.match(word.errors, /'shop' is one word too many/)
})

test('where nothing answers, it says so and where to look, tries on, and ends in order when asked to', async () => {
  await using at = await world()
  const port = await freePort()
  const env = { ...at.env, GANTRY_URL: `http://127.0.0.1:${port}` }
  const nobody = `Gantry does not answer (connect ECONNREFUSED 127.0.0.1:${port})`
  await using list = new Command(['tunnel', 'list'], env)
  assert.equal(await list.ended, 1)
  assert.ok(list.errors.startsWith(`gantry: ${nobody}\n`), list.errors)
  assert.match(list.errors, /GANTRY_URL, says where/)

  await using agent = new Command(['tunnel', 'http', String(at.port), '--name', 'shop'], env)
  await agent.says(`${nobody}; trying again in`)
  agent.child.kill('SIGINT')
  assert.equal(await agent.ended, 0)
  assert.equal(agent.errors, '')
})

test('what the API finds wrong is told by member', async () => {
  await using at = await world()
  const errors = [{ path: 'body.name', message: 'must be 3 to 63 letters' }]
  at.plane.refuse = { status: 400, code: 'request.invalid', errors }
  const command = at.gantry('tunnel', 'http', String(at.port), '--name', 'Sh op')
  assert.equal(await command.ended, 1)
  assert.match(command.errors, /^ +body\.name: must be 3 to 63 letters$/m)
})

test('an agent that is told to wait for its tunnel says so, and goes on', async () => {
  await using at = await world()
  const command = at.gantry(
    'tunnel',
    'http',
    String(at.port),
    '--name',
    'shop',
    '--on-takeover',
    'wait',
  )
  await command.says('relay rel_test: open')
  const { id: tunnelId } = at.plane.named('shop')
  at.relay.links[0]!.tell({ type: 'lost', tunnelId, code: 'tunnel.taken_over', detail: 'newer.' })
  await command.says('shop is lost: newer. Waiting until it is free.')
  command.child.kill('SIGTERM')
  assert.equal(await command.ended, 0)
})

test('a key is kept for its owner alone and sent to its own server only', async () => {
  await using at = await world()
  const { XDG_CONFIG_HOME, GANTRY_URL } = at.env as { XDG_CONFIG_HOME: string; GANTRY_URL: string }
  const as = (env: Record<string, string>, ...args: string[]) =>
    new Command(args, { XDG_CONFIG_HOME, ...env })
  await using without = as({ GANTRY_URL }, 'tunnel', 'list')
  assert.equal(await without.ended, 1)
  assert.match(without.errors, /run gantry login first/)

  await using login = as({}, 'login', '--url', GANTRY_URL)
  login.child.stdin!.end('the-key\n')
  assert.equal(await login.ended, 0)
  assert.match(login.output, /You act as ann@example\.test/)
  const file = join(XDG_CONFIG_HOME, 'gantry/credentials.json')
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  assert.deepEqual(await readdir(join(XDG_CONFIG_HOME, 'gantry')), ['credentials.json'])
  assert.deepEqual(JSON.parse(await readFile(file, 'utf8')), { url: GANTRY_URL, apiKey: 'the-key' })

  await using list = as({}, 'tunnel', 'list')
  assert.equal(await list.ended, 0)
  assert.equal(at.plane.keys.at(-1), 'Bearer the-key')
  await using elsewhere = as({ GANTRY_URL: 'http://127.0.0.1:9' }, 'tunnel', 'list')
  assert.match(
    (await elsewhere.ended, elsewhere.errors),
    /There is no key for http:\/\/127\.0\.0\.1:9/,
  )

  at.plane.refuse = { status: 401, code: 'auth.key_invalid' }
  await using wrong = as({}, 'login', '--url', GANTRY_URL, '--key', 'other')
  assert.equal(await wrong.ended, 4)
  assert.match(await readFile(file, 'utf8'), /the-key/)
  await using logout = as({}, 'logout')
  assert.equal(await logout.ended, 0)
  await assert.rejects(stat(file), { code: 'ENOENT' })
})

test('tunnels are listed and shown', async () => {
  await using at = await world()
  await using held = at.gantry('tunnel', 'http', String(at.port), '--name', 'shop')
  await held.says('relay rel_test: open')
  await using list = at.gantry('tunnel', 'list')
  assert.equal(await list.ended, 0)
  assert.equal(list.output, 'shop  created  http://shop.localhost:1\n')
  await using shown = at.gantry('tunnel', 'status', 'shop', '--json')
  assert.equal(await shown.ended, 0)
  assert.equal(JSON.parse(shown.output).name, 'shop')
  await using listed = at.gantry('tunnel', 'list', '--json')
  assert.equal(await listed.ended, 0)
  assert.equal(JSON.parse(listed.output)[0].name, 'shop')
  await using plain = at.gantry('tunnel', 'status', 'shop')
  assert.equal(await plain.ended, 0)
  assert.match(plain.output, /^address +http:\/\/shop\.localhost:1\nstatus +created since /)
  for (const slip of [
    ['list', '--jsno'],
    ['list', 'shop'],
    ['status', 'shop', '--jsno'],
  ]) {
    await using slipped = at.gantry('tunnel', ...slip)
    assert.equal(await slipped.ended, 1, slip.join(' '))
    assert.match(slipped.errors, /There is no option --jsno|one word too many/)
  }
  await using none = at.gantry('tunnel', 'status', 'shoe')
  assert.equal(await none.ended, 1)
  assert.match(none.errors, /There is no tunnel shoe/)
})
