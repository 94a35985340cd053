import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually, freePort } from '#kernel/test-support.ts'
import { servePages } from './page-server.ts'
import { ServerHome, type ServerProcess } from './process.ts'

const JSON_TYPE = { 'content-type': 'application/json' }

async function call(
  server: ServerProcess,
  path: string,
  init: RequestInit & { token?: string } = {},
) {
  const { token, ...rest } = init
  const headers = { ...JSON_TYPE, ...(token && { authorization: `Bearer ${token}` }) }
  const response = await fetch(`${server.url}/api/v1${path}`, { ...rest, headers })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

const post = (server: ServerProcess, path: string, body: unknown, token?: string) =>
  call(server, path, { method: 'POST', body: JSON.stringify(body), ...(token && { token }) })

const PERSON = { email: 'ann@example.test', password: 'plum-harbour-quiet-lantern-93' }

test('a kill -9 of the server loses no session; SIGTERM then ends all in flight and leaves nothing', async () => {
  await using home = await ServerHome.make()
  let answerPage: (() => void) | undefined
  await using pages = await servePages((request, response) => {
    if (request.url === '/slow') answerPage = () => response.end('<title>Slow</title>')
    else response.end('<title>Quick</title>')
  })

  await using first = await (await home.start()).ready()
  const { body: ann } = await post(first, '/auth/register', PERSON)
  const { body: session } = await post(first, '/sessions', {}, ann.accessToken)
  const command = (name: string, body: unknown, server: ServerProcess) =>
    post(server, `/sessions/${session.id}/${name}`, body, ann.accessToken)
  await command('navigate', { url: pages.url }, first)
  await command('execute', { script: 'window.kept = 42' }, first)
  first.signal('SIGKILL')
  await first.ended

  const port = new URL(first.url).port
  await using second = await (await home.start({ PORT: port })).ready()
  const kept = await command('execute', { script: 'window.kept' }, second)
  assert.equal(kept.body.result, 42, 'the same page of the same browser')

  const slow = command('navigate', { url: `${pages.url}/slow` }, second)
  const finishPage = await eventually('the page was asked for', () => answerPage)
  second.signal('SIGTERM')
  await eventually('it says so', () => second.output.includes('stopping'))
  finishPage()
  const answer = await slow
  assert.deepEqual(
    [answer.status, answer.body.title],
    [200, 'Slow'],
    'what was in flight is finished',
  )
  assert.deepEqual(await second.ended, { code: 0, signal: null })
  assert.deepEqual(home.processes(), [], 'nothing runs any more')
})

test('a wrong configuration is listed whole, and the process stops with status 1', async () => {
  await using home = await ServerHome.make()
  await using server = await home.start({
    PORT: 'many',
    SIGN_UP: 'maybe',
    EGRESS_ALLOW: 'nonsense/99',
  })
  assert.equal((await server.ended).code, 1)
  for (const name of ['PORT', 'SIGN_UP', 'EGRESS_ALLOW'])
    assert.match(server.output, new RegExp(`  ${name}`))
})

test('what hangs when all is closed does not keep the process', async () => {
  await using home = await ServerHome.make()
  const hanging = 'data:text/javascript,setInterval(()=>{},1000)'
  await using server = await home.start({ PORT: 'many', NODE_OPTIONS: `--import=${hanging}` })
  const code = await Promise.race([
    server.ended.then(({ code }) => code),
    sleep(60_000, 'hangs', { ref: false }),
  ])
  assert.equal(code, 1)
})

test('a port that is taken, and a data directory that is in use, are said plainly', async () => {
  await using home = await ServerHome.make()
  const port = await freePort()
  const squatter = createServer().listen(port, '127.0.0.1')
  await using refused = await home.start({ PORT: String(port) })
  assert.equal((await refused.ended).code, 1)
  assert.match(refused.output, new RegExp(`port ${port} on 127.0.0.1 is taken.*PORT`))
  assert.deepEqual(home.processes(), [], 'its PostgreSQL is stopped again')
  squatter.close()

  await using server = await (await home.start()).ready()
  await using other = await home.start()
  assert.equal((await other.ended).code, 1)
  assert.match(other.output, new RegExp(`Process ${server.child.pid} already runs the role api`))
  server.signal('SIGINT')
  assert.equal((await server.ended).code, 0)
})

test('a killed PostgreSQL comes back by itself, and a second signal stops at once', async () => {
  await using home = await ServerHome.make()
  await using server = await (await home.start()).ready()
  await post(server, '/auth/register', PERSON)
  const pidFile = join(home.path, 'postgres/data/postmaster.pid')
  const pid = Number((await readFile(pidFile, 'utf8')).split('\n')[0])
  process.kill(pid, 'SIGKILL')
  const login = await eventually('people can sign in again', async () => {
    const answer = await post(server, '/auth/login', PERSON)
    return answer.status === 200 && answer
  })
  assert.equal(login.body.user.email, PERSON.email)

  const { accessToken } = login.body
  assert.equal((await post(server, '/sessions', {}, accessToken)).status, 201)
  let hanging = false
  await using pages = await servePages(() => (hanging = true))
  const never = post(
    server,
    '/browser/navigate',
    { url: pages.url, timeoutMs: 120_000 },
    accessToken,
  )
  never.catch(() => {})
  await eventually('the page hangs', () => hanging)
  server.signal('SIGTERM')
  await eventually('it says so', () => server.output.includes('stopping'))
  // A repeat within a second is the same key press, by way of npm or the terminal; so it is sent until it counts.
  await eventually('it has ended', () => (server.signal('SIGTERM'), server.child.exitCode !== null))
  assert.equal((await server.ended).code, 130)
  await eventually('nothing runs any more', () => home.processes().length === 0)
})
