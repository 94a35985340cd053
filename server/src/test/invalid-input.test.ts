import assert from 'node:assert/strict'
import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { z } from 'zod'
import { categories } from '#kernel/problem.ts'
import { type AnyRoute, servedPath } from '#kernel/http/route.ts'
import { startApp } from './app.ts'
import { type WildRequest, wildRequests } from './wild-requests.ts'

const app = await startApp()
const agent = new Agent({ keepAlive: true, maxSockets: 4 })
after(() => {
  agent.destroy()
  return app[Symbol.asyncDispose]()
})

const routes: AnyRoute[] = app.app.capabilities.flatMap((one) => [...(one.routes ?? [])])

const Problem = z.strictObject({
  type: z.string().startsWith('/api/docs/errors#'),
  title: z.string().min(1),
  status: z.int().min(400),
  detail: z.string().min(1),
  instance: z.string().startsWith('/'),
  code: z.string().regex(/^[a-z]+(\.[a-z_]+)+$/),
  category: z.enum(categories),
  correlationId: z.uuid(),
  suggestion: z.string().min(1).optional(),
  errors: z
    .array(z.strictObject({ path: z.string().min(1), message: z.string().min(1) }))
    .min(1)
    .optional(),
})

interface Answer {
  status: number
  headers: IncomingHttpHeaders
  body: string
}

function send({ method, path, headers, body }: WildRequest, token?: string): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const authorization = token && !headers.authorization ? { authorization: `Bearer ${token}` } : {}
  // Node gives the body of a DELETE no length by itself.
  const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
  const { hostname, port } = new URL(app.url)
  const all = { ...authorization, ...length, ...headers }
  // Host and path apart: a URL object would tidy the path up.
  const sent = request(
    { hostname, port, path, method, agent, headers: all, timeout: 20_000 },
    (answer) => {
      const { statusCode: status = 0, headers } = answer
      text(answer).then((body) => resolve({ status, headers, body }), reject)
    },
  )
  sent.once('error', reject)
  sent.end(body)
  return promise
}

/** What a process says to a good request that is for its browsers, when it hosts none. */
const NO_BROWSERS = ['browser.launch_failed', 'session.no_machines']
const TELLING = /\bat \S+ \(|node_modules|\/server\/src\/|\bselect .* from\b|syntax error at/i

function check(route: AnyRoute, wild: WildRequest, answer: Answer) {
  if (answer.status < 400) {
    assert.ok(!wild.wrong, `${answer.status} although it is wrong`)
    return
  }
  const found = `${answer.status} ${answer.body.slice(0, 500)}`
  assert.match(answer.headers['content-type'] ?? '', /^application\/problem\+json/, found)
  const problem = Problem.parse(JSON.parse(answer.body))
  assert.ok(answer.status < 500 || (!wild.wrong && NO_BROWSERS.includes(problem.code)), found)
  assert.equal(problem.status, answer.status)
  assert.equal(problem.correlationId, answer.headers['x-correlation-id'])
  // Headers that were too large to be read have no path.
  const path = answer.status === 431 ? '/' : wild.path.split('?', 1)[0]
  assert.equal(problem.instance, path)
  assert.doesNotMatch(answer.body, TELLING)
  if (problem.code === 'request.invalid') assert.ok(problem.errors, found)
  assert.ok(route.method === 'GET' || answer.status !== 405, found)
}

async function everyRoute(token: () => Promise<string | undefined>, runsEach: number) {
  for (const route of routes) {
    const bearer = await token()
    const property = fc.asyncProperty(wildRequests(route), async (wild) =>
      check(route, wild, await send(wild, bearer)),
    )
    try {
      await fc.assert(property, { numRuns: runsEach })
    } catch (error) {
      throw new Error(`${route.method} ${servedPath(route.path)}`, { cause: error })
    }
  }
}

/** A token of somebody who is signed in, although the route before was the one to sign out. */
function tokens(signIn: () => Promise<{ accessToken: string }>) {
  let current: string | undefined
  return async () => {
    const headers = { authorization: `Bearer ${current}` }
    const { status } = await app.request('GET', '/v1/users/me', { headers })
    if (status !== 200) current = (await signIn()).accessToken
    return current
  }
}

test('whatever nobody in particular sends to any route, a wrong request is refused with a 4xx problem', () =>
  everyRoute(async () => undefined, 10))

test('whatever a user sends to any route, a wrong request is refused with a 4xx problem', () =>
  everyRoute(
    tokens(() => app.person()),
    30,
  ))

test('whatever a super-admin sends to any route, a wrong request is refused with a 4xx problem', () =>
  everyRoute(
    tokens(() => app.superAdmin()),
    40,
  ))
