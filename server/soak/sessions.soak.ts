import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import { serveHtml } from '#test/page-server.ts'
import { ServerHome, type ServerProcess } from '#test/process.ts'
import { makeAndEnd, openFiles, type Running, traces } from '#test/session-loop.ts'

const WARM_UP = 20
const SESSIONS = 500
/** A session that stayed in memory, with its driver, would hold many times this. */
const MAX_HEAP_KIB_PER_SESSION = 50
/** Resident memory follows the heap in large steps, also where nothing stays: this much over the whole run. */
const MAX_RSS_MIB = 64
const MIB = 1024 * 1024

test('five hundred sessions made and ended, a third of them by a kill, leave nothing, and memory stays level', async (t) => {
  await using home = await ServerHome.make()
  await using pages = await serveHtml('<title>A page</title>')
  const preload = join(import.meta.dirname, 'collect.ts')
  // Browsers that are ready would be others afterwards.
  const env = { NODE_OPTIONS: `--expose-gc --import=${preload}`, WARM_BROWSERS: '0' }
  await using server = await home.start(env)
  await server.ready()
  const running: Running = {
    ...{ url: server.url, home: home.path, pid: server.child.pid!, pageUrl: pages.url },
    accessToken: await makeKey(server.url),
  }
  const before = await traces(running)
  await makeAndEnd(running, WARM_UP)
  const early = await memory(server)
  await makeAndEnd(running, SESSIONS - WARM_UP)
  const late = await memory(server)

  assert.deepEqual(await traces(running), before)
  const grown = (late.heapUsed - early.heapUsed) / 1024 / (SESSIONS - WARM_UP)
  const rss = (late.rss - early.rss) / MIB
  t.diagnostic(`heap ${grown.toFixed(1)} KiB a session, resident ${rss.toFixed(1)} MiB in all`)
  t.diagnostic(`resident ${(late.rss / MIB).toFixed(0)} MiB, ${late.files} files open`)
  assert.ok(grown <= MAX_HEAP_KIB_PER_SESSION, `heap grows by ${grown} KiB a session`)
  assert.ok(rss <= MAX_RSS_MIB, `resident memory grew by ${rss} MiB`)
  assert.ok(late.files <= early.files + 5, `${early.files} files were open, now ${late.files}`)

  server.signal('SIGTERM')
  assert.deepEqual(await server.ended, { code: 0, signal: null })
  assert.deepEqual(home.processes(), [])
})

/** A key, which outlives the hour that this may take. */
async function makeKey(url: string): Promise<string> {
  const person = { email: 'soak@example.test', password: 'plum-harbour-quiet-lantern-93' }
  const { accessToken } = await post(`${url}/api/v1/auth/register`, person)
  const wish = { name: 'soak', scopes: ['sessions.*'] }
  return (await post(`${url}/api/v1/api-keys`, wish, accessToken)).key!
}

async function post(url: string, body: object, token?: string): Promise<Record<string, string>> {
  const authorization = token && { authorization: `Bearer ${token}` }
  const headers = { 'content-type': 'application/json', ...authorization }
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  assert.equal(response.status, 201)
  return (await response.json()) as Record<string, string>
}

/** Bytes that are in use once all garbage is gone, and how many files are open. */
async function memory(server: ServerProcess) {
  const place = server.output.length
  server.signal('SIGUSR2')
  const line = await eventually('the server has told its memory', () => {
    return /^\{"collected":.*\}$/m.exec(server.output.slice(place))?.[0]
  })
  const { collected } = JSON.parse(line) as { collected: { rss: number; heapUsed: number } }
  return { ...collected, files: openFiles(server.child.pid!).length }
}
