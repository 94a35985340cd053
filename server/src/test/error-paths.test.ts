import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { after, test } from 'node:test'
import { text } from 'node:stream/consumers'
import { type AnyRoute, isPublic, servedPath } from '#kernel/http/route.ts'
import { startApp } from './app.ts'
import { each } from './walk/send.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())
const root = await app.superAdmin()
const authorization = `Bearer ${root.accessToken}`
const routes: AnyRoute[] = app.app.capabilities.flatMap((one) => [...(one.routes ?? [])])

/** What no answer may hold: stacks, SQL, files and the names of what is inside. */
const INSIDE =
  /\bat [\w.<>]+ \(|node_modules|\.ts\b|\/src\/|select .+ from |insert into|kysely|postgres|ECONN|zod|fastify/i

function complaint(status: number, type: string | null, body: unknown): string | undefined {
  if (status < 400) return undefined
  if (!type?.startsWith('application/problem+json')) return `${status} as ${type}`
  const {
    status: told,
    title,
    detail,
    instance,
    code,
    category,
    correlationId,
  } = body as Record<string, unknown>
  const members = [title, detail, instance, code, category, correlationId]
  if (told !== status || members.some((one) => typeof one !== 'string'))
    return 'members are missing'
  const leak = INSIDE.exec(JSON.stringify(body))
  return leak ? `tells ${leak[0]}` : undefined
}

interface Attack {
  route: AnyRoute
  path: string
  headers: Record<string, string>
  body?: string
}

test('T70: whatever is wrong with a request, of every route, the answer is a problem without a word of what is inside', async () => {
  const attacks = routes.flatMap((route): Attack[] => {
    const path = servedPath(route.path).replaceAll(/:\w+/g, 'x')
    const auth = { authorization }
    return [
      { route, path, headers: {} },
      { route, path, headers: { authorization: 'Bearer x.y.z' } },
      { route, path: `${path}?nothing=1`, headers: auth },
      ...(route.method === 'GET' ? [] : [{ route, path, headers: auth, body: '{"a":' }]),
    ]
  })
  const wrong: string[] = []
  await each(attacks, async ({ route, path, ...given }) => {
    const headers: Record<string, string> = { ...given.headers, 'content-type': 'application/json' }
    const response = await fetch(app.url + path, {
      method: route.method,
      headers,
      redirect: 'manual',
      ...(given.body !== undefined && { body: given.body }),
    })
    const type = response.headers.get('content-type')
    const isProblem = response.status >= 400
    const body: unknown = isProblem ? await response.json().catch(() => ({})) : undefined
    if (!isProblem) await response.body?.cancel()
    const what = complaint(response.status, type, body)
    const isOurs = response.status >= 500 && (body as { code?: string }).code === 'server.error'
    if (what || isOurs) wrong.push(`${route.method} ${path}: ${what ?? 'server.error'}`)
  })
  assert.deepEqual(wrong.slice(0, 20), [], `${wrong.length} of ${attacks.length}`)
})

test('T70: what no route answers is a problem too', async () => {
  for (const [method, path] of [
    ['GET', '/nothing'],
    ['GET', '/api/v1/nothing'],
    ['GET', '/api/v9/sessions'],
    ['PUT', '/api/v1/auth/login'],
    ['TRACE', '/api/v1/sessions'],
    ['QUERY', '/api/v1/sessions'],
    ['OPTIONS', '/api/v1/sessions'],
    ['GET', '/objects/x'],
    ['GET', '/socket.io/?EIO=9&transport=polling&sid=x'],
  ] as const) {
    const [host, port] = [new URL(app.url).hostname, Number(new URL(app.url).port)]
    const socket = connect(port, host)
    await once(socket, 'connect')
    socket.end(`${method} ${path} HTTP/1.1\r\nhost: ${host}:${port}\r\nconnection: close\r\n\r\n`)
    const answer = await text(socket)
    assert.match(answer, /^HTTP\/1\.1 [45]\d\d /, path)
    assert.doesNotMatch(answer, INSIDE, path)
  }
})

const BODIES = [
  ['application/json\ta', '{}'],
  ['application/json;;', '{}'],
  ['application/json, text/plain', '{}'],
  ['text/plain', '{"email":"a@example.test"}'],
  ['application/x-www-form-urlencoded', 'files[0][filepath]=/etc/passwd&filepath=/etc/passwd'],
  [
    'multipart/form-data; boundary=x',
    '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n--x--\r\n',
  ],
  ['application/xml', '<a/>'],
  ['application/jsonp', '{}'],
] as const

test('T44: a body of another or a broken type is refused by every route that reads one', async () => {
  const writes = routes.filter(({ body, method }) => body !== undefined && method !== 'GET')
  const attacks = writes.flatMap((route) => BODIES.map(([type, body]) => ({ route, type, body })))
  const wrong: string[] = []
  await each(attacks, async ({ route, type, body }) => {
    const path = servedPath(route.path).replaceAll(/:\w+/g, 'x')
    const answer = await raw(route.method, path, type, body)
    const fine = [400, 415].includes(answer) || (isPublic(route) && [401, 403].includes(answer))
    if (!fine) wrong.push(`${route.method} ${path} ${type}: ${answer}`)
  })
  assert.deepEqual(wrong.slice(0, 20), [], `${wrong.length} of ${attacks.length}`)
})

test('T44: a body with two types, or with none, is refused', async () => {
  const path = '/api/v1/api-keys'
  const twice = await raw('POST', path, 'application/json\r\ncontent-type: text/plain', '{}')
  assert.ok([400, 415].includes(twice), String(twice))
  const none = await raw('POST', path, undefined, '{"name":"x","scopes":["sessions.read"]}')
  assert.ok([400, 415].includes(none), String(none))
})

/** As bytes, since clients of HTTP correct what is broken. The status. */
async function raw(method: string, path: string, type: string | undefined, body: string) {
  const { hostname, port } = new URL(app.url)
  const socket = connect(Number(port), hostname)
  const answered = text(socket)
  const lines = [
    `${method} ${path} HTTP/1.1`,
    `host: ${hostname}:${port}`,
    `authorization: ${authorization}`,
    ...(type === undefined ? [] : [`content-type: ${type}`]),
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`)
  const answer = await answered
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1])
}
