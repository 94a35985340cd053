// What is asked of the chains of tunnel.bench.ts, and how long it takes.
import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import autocannon from 'autocannon'
import { cpuSeconds } from './processes.ts'

export const HOST = 'shop.localhost'
const LONGEST_MS = 20_000
const CHUNK = Buffer.alloc(64 * 1024)

/** Where visitors come, and the processes that serve them. */
export interface Way {
  port: number
  pids: () => number[]
}

export interface Asked {
  path?: string
  /** Bytes to send by PUT. */
  body?: number
  longestMs?: number
  signal?: AbortSignal
}

/** The ms from asking to the last byte of a 200. @throws when there is none in time */
export async function one(
  port: number,
  agent: Agent,
  { path = '/small', body, longestMs = LONGEST_MS, signal }: Asked = {},
): Promise<number> {
  const begunMs = performance.now()
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(), longestMs)
  const end = () => late.abort()
  signal?.addEventListener('abort', end)
  try {
    const asked = request({
      ...{ port, host: '127.0.0.1', agent, path, method: body === undefined ? 'GET' : 'PUT' },
      ...{ signal: late.signal },
      headers: { host: HOST, ...(body !== undefined && { 'content-length': body }) },
    })
    const answered = once(asked, 'response')
    answered.catch(() => {})
    for (let left = body ?? 0; left > 0; left -= CHUNK.length) {
      if (!asked.write(CHUNK)) await once(asked, 'drain')
    }
    asked.end()
    const [answer] = (await answered) as [IncomingMessage]
    answer.resume()
    await once(answer, 'end')
    if (answer.statusCode !== 200) throw new Error(`${path} was answered with ${answer.statusCode}`)
    return performance.now() - begunMs
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', end)
  }
}

/** Whether the service answers before then. */
export async function answers(port: number, beforeMs: number): Promise<boolean> {
  const agent = new Agent()
  do {
    const leftMs = Math.max(200, beforeMs - performance.now())
    const isServed = await one(port, agent, { longestMs: leftMs }).then(
      () => true,
      () => false,
    )
    if (isServed) return true
    await sleep(2)
  } while (performance.now() < beforeMs)
  return false
}

/** As many small requests as go through for so many seconds. */
export async function load({ port, pids }: Way, connections: number, duration: number) {
  const before = new Map(pids().map((pid) => [pid, cpuSeconds(pid)]))
  const url = `http://127.0.0.1:${port}/small`
  const headers = { host: HOST }
  const result = await autocannon({ url, headers, connections, duration, timeout: 3 })
  const each = pids().map((pid) => {
    return ((cpuSeconds(pid) - (before.get(pid) ?? 0)) / result.requests.total) * 1e6
  })
  return {
    perSecond: result.requests.total / result.duration,
    p99: result.latency.p99,
    wrong: result.errors + result.timeouts + result.non2xx,
    each,
    cpuMicros: each.reduce((sum, one) => sum + one, 0),
  }
}

/** Times of small requests by eight connections, for so long. */
export async function smallFor(port: number, ms: number, signal: AbortSignal) {
  const agent = new Agent({ keepAlive: true })
  const times: number[] = []
  let failed = 0
  const until = performance.now() + ms
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      while (performance.now() < until && !signal.aborted) {
        await one(port, agent, { signal }).then(
          (took) => times.push(took),
          () => failed++,
        )
      }
    }),
  )
  agent.destroy()
  return { times, failed }
}
