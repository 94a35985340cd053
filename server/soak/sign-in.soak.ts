import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { ServerHome } from '#test/process.ts'

const PERSON = { email: 'ann@example.com', password: 'violet tractor nine umbrellas' }
const AT_ONCE = 500
/** Two hashes of 64 MiB, 500 requests, and room for the collector. */
const MAX_GROWTH_MIB = 320

test('T28: 500 who sign in at once, at the real cost of a hash, take two hashes of memory and nobody else’s time', async () => {
  await using home = await ServerHome.make()
  await using server = await (
    await home.start({ ROLES: 'api,worker', REQUEST_TIMEOUT_SECONDS: '300' })
  ).ready()
  assert.equal((await post(server.url, 'register')).status, 201)
  assert.equal((await post(server.url, 'login')).status, 200)
  const beforeMib = residentMib(server.child.pid!)

  const state = { done: false }
  const logins = Array.from({ length: AT_ONCE }, () => post(server.url, 'login'))
  const all = Promise.all(logins).finally(() => (state.done = true))
  const waitsMs: number[] = []
  let mostMib = 0
  while (!state.done) {
    const startedMs = performance.now()
    assert.equal((await fetch(`${server.url}/health/live`)).status, 200)
    waitsMs.push(performance.now() - startedMs)
    mostMib = Math.max(mostMib, residentMib(server.child.pid!))
  }
  const statuses = (await all).map(({ status }) => status)
  const counts = Object.groupBy(statuses, String)
  const shown = Object.entries(counts).map(([status, of]) => `${of!.length} × ${status}`)
  assert.deepEqual(
    Object.keys(counts).filter((status) => status !== '200' && status !== '503'),
    [],
    shown.join(', '),
  )
  assert.ok((counts['200']?.length ?? 0) >= 52, shown.join(', '))
  waitsMs.sort((a, b) => a - b)
  assert.ok(waitsMs[waitsMs.length >> 1]! < 200, `health took ${waitsMs[waitsMs.length >> 1]} ms`)
  assert.ok(mostMib - beforeMib < MAX_GROWTH_MIB, `${beforeMib} MiB grew to ${mostMib}`)
})

function post(url: string, route: 'register' | 'login'): Promise<Response> {
  return fetch(`${url}/api/v1/auth/${route}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(PERSON),
  })
}

function residentMib(pid: number): number {
  const [, kib] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kib) / 1024
}
