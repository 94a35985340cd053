import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { after } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { cloneDatabase } from '#test/database.ts'
import { openLog } from '../log.ts'
import { defineProblems } from '../problem.ts'
import { serve, type TestAnswer } from '../test-http.ts'
import { openTestKernel } from '../test-kernel.ts'
import { eventually } from '../test-support.ts'
import { Reply, route } from './route.ts'

const database = await cloneDatabase()
export const kernel = await openTestKernel({ address: database.address })
let lines = ''
const destination = new PassThrough().setEncoding('utf8')
destination.on('data', (chunk: string) => (lines += chunk))
const levels = { default: 'info', byCategory: {} } as const
const log = await openLog({ levels, console: 'json', destination })
const access = { public: 'a test' }
export const LONG = 'plain text that repeats itself. '.repeat(200)
/** Settles with the signal of a handler that hangs. */
export const hanging = Promise.withResolvers<AbortSignal>()
/** A handler that has begun, and what it waits for. */
export const waiting = {
  begun: Promise.withResolvers<AbortSignal>(),
  go: Promise.withResolvers<void>(),
}

export const refusals = defineProblems({
  ours: { code: 'trial.ours', status: 502, title: 'Our fault' },
  site: { code: 'trial.site', status: 502, title: 'The fault of a site', level: 'info' },
  load: { code: 'trial.load', status: 503, title: 'Too much at once', level: 'warn' },
  client: { code: 'trial.client', status: 422, title: 'The fault of a client' },
})

export const trial = {
  name: 'trial',
  summary: '',
  routes: [
    route({
      ...{ method: 'GET', path: '/v1/things', summary: 'Show', access },
      query: z.object({ name: z.string().optional() }),
      returns: z.object({ name: z.string() }),
      handler: (_ctx, { query }) => ({ name: query.name ?? 'none', secret: 'not in the schema' }),
    }),
    route({
      ...{ method: 'POST', path: '/v1/things', summary: 'Make', access },
      body: z.object({
        name: z.string().max(10),
        inner: z.strictObject({ n: z.int() }).optional(),
      }),
      handler: () => undefined,
    }),
    route({
      ...{ method: 'GET', path: '/v1/where', summary: 'Tell', access },
      returns: z.object({ loopbackOnly: z.boolean() }),
      handler: (_ctx, { request: { loopbackOnly } }) => ({ loopbackOnly }),
    }),
    route({
      ...{ method: 'POST', path: '/v1/plain', summary: 'Do', access },
      handler: () => undefined,
    }),
    route({
      ...{ method: 'GET', path: '/v1/closed', summary: 'Ask', access: { signedIn: 'a test' } },
      handler: () => undefined,
    }),
    route({
      ...{ method: 'GET', path: '/v1/guarded', summary: 'Ask', access: 'things.read' },
      handler: () => undefined,
    }),
    route({
      ...{ method: 'GET', path: '/v1/broken', summary: 'Break', access },
      handler: () => {
        throw new Error('select * from accounts failed in /srv/app/x.ts', { cause: 'why' })
      },
    }),
    ...Object.entries(refusals).map(([name, refusal]) =>
      route({
        ...{ method: 'GET', path: `/v1/refuses/${name}`, summary: 'Refuse', access },
        handler: () => {
          throw refusal()
        },
      }),
    ),
    route({
      ...{ method: 'GET', path: '/v1/long', summary: 'Read', access, alsoReturns: ['text/plain'] },
      handler: () => Reply.content(LONG, 'text/plain; charset=utf-8'),
    }),
    route({
      ...{ method: 'GET', path: '/v1/image', summary: 'See', access, alsoReturns: ['image/png'] },
      handler: () => Reply.content(Buffer.alloc(5_000), 'image/png'),
    }),
    route({
      ...{ method: 'GET', path: '/v1/heeds', summary: 'Wait', access },
      handler: (ctx) => sleep(60_000, undefined, { signal: ctx.signal }),
    }),
    route({
      ...{ method: 'GET', path: '/v1/hangs', summary: 'Hang', access },
      handler: (ctx) => {
        hanging.resolve(ctx.signal)
        return new Promise<void>(() => undefined)
      },
    }),
    route({
      ...{ method: 'GET', path: '/v1/waits', summary: 'Wait', access },
      handler: async (ctx) => {
        waiting.begun.resolve(ctx.signal)
        await waiting.go.promise
      },
    }),
  ],
}

/** Whose pages may call it. */
export const APP = 'https://app.example'
export const server = await serve(
  kernel,
  [trial],
  { ann: [] },
  { log: log.category('http'), corsOrigins: [APP] },
)
/** Gives its handlers 100 ms. */
export const hasty = await serve(kernel, [trial], {}, { requestTimeoutMs: 100 })

after(async () => {
  await hasty[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
  await kernel[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

export function logged(): string {
  return lines
}

/** The log line of a request. */
export function lineOf(correlationId: string, msg = 'request') {
  return eventually(`a line of ${correlationId}`, () =>
    lines
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
      .find((line) => line.correlationId === correlationId && line.msg === msg),
  )
}

export function isProblem({ status, headers, body }: TestAnswer, wanted: number, code: string) {
  assert.deepEqual([status, body.code], [wanted, code], JSON.stringify(body))
  assert.match(headers.get('content-type')!, /^application\/problem\+json/)
  assert.equal(body.status, status)
  assert.equal(body.type, `/api/docs/errors#${code}`)
  assert.equal(body.correlationId, headers.get('x-correlation-id'))
  for (const member of ['title', 'detail', 'instance', 'category']) {
    assert.ok(body[member].length > 0, member)
  }
}

export const ask = (path: string, headers?: Record<string, string>) =>
  server.request('GET', path, { ...(headers && { headers }) })
