import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { type AnyRoute, isPublic, servedPath } from '#kernel/http/route.ts'
import { startApp } from './app.ts'
import { each, Wire } from './walk/send.ts'
import { memberNames } from './walk/members.ts'

const app = await startApp()
const wire = new Wire(app.url)
after(async () => {
  wire.close()
  await app[Symbol.asyncDispose]()
})
const root = await app.superAdmin()
const headers = { authorization: `Bearer ${root.accessToken}` }
const routes: AnyRoute[] = app.app.capabilities.flatMap((one) => [...(one.routes ?? [])])
const writes = routes.filter(({ body }) => body !== undefined)

/** What only the server sets, and what reaches the prototype of objects. */
const SET_BY_US = [
  ...['role', 'roles', 'tenantId', 'accountId', 'userId', 'verified', 'emailVerified', 'balance'],
  ...['passwordHash', 'platformRoles', 'id', 'createdAt', 'constructor', '__proto__'],
]
/** What parsers disagree about, or die of. */
const BROKEN = [
  ...['{"a":1,"a":2}', '{"a":1,"\\u0061":2}', '{"__proto__":{}}', '{"a":1e400}', '\ufeff{}'],
  ...['{"a":9007199254740993}', '{"a":"\\u0000"}', '{"a":"\\ud800"}', '['.repeat(10_000)],
  `{"${'k'.repeat(1024 * 1024)}":1}`,
]
const SQL = ["' or 1=1 --", "'; drop table users; --", '%_%', '$1', 'created_at desc', '{"$ne":1}']

function pathOf({ path, examples }: AnyRoute): string {
  const given = { ...(examples?.params as Record<string, string> | undefined) }
  if (path.startsWith('/v1/accounts/')) given.id = root.accountId
  return servedPath(path).replace(/:(\w+)/g, (_, name: string) => given[name] ?? 'x')
}

function told({ method, path }: AnyRoute): string {
  return `${method} ${path}`
}

test('T39: no write takes a member that it does not name', async () => {
  const tries = writes.flatMap((route) => {
    const known = new Set(memberNames(route.body))
    return SET_BY_US.filter((name) => !known.has(name)).map((name) => ({ route, name }))
  })
  const wrong: string[] = []
  await each(tries, async ({ route, name }) => {
    const example = JSON.stringify(route.examples?.body ?? {})
    const comma = example === '{}' ? '' : ','
    // As text, since a literal would set the prototype instead.
    const body = `${example.slice(0, -1)}${comma}"${name}":"super-admin"}`
    const { method } = route
    const answer = await wire.send({ method, path: pathOf(route), headers, body })
    // Nodes show a credential of their own before they are heard.
    const fine = answer.status === 400 || (isPublic(route) && answer.status === 401)
    if (!fine) wrong.push(`${told(route)} ${name}: ${answer.status} ${answer.code}`)
  })
  assert.deepEqual(wrong.slice(0, 20), [], `${wrong.length} of ${tries.length}`)
})

test('T45: no write reads JSON that parsers disagree about', async () => {
  const tries = writes.flatMap((route) => BROKEN.map((body) => ({ route, body })))
  const wrong: string[] = []
  await each(tries, async ({ route, body }) => {
    const { method } = route
    const answer = await wire.send({ method, path: pathOf(route), headers, body })
    const refused = answer.status === 400 || answer.status === 413
    const fine = refused || (isPublic(route) && answer.status === 401)
    if (!fine) wrong.push(`${told(route)} ${body.slice(0, 30)}: ${answer.status} ${answer.code}`)
  })
  assert.deepEqual(wrong.slice(0, 20), [], `${wrong.length} of ${tries.length}`)
})

test('T46: no other spelling of a path reaches its route without a credential', async () => {
  const closed = routes.filter((route) => !isPublic(route))
  const spellings = (path: string) => [
    ...[`/${path}`, `${path};x`, `${path}%2f..`, path.replace('/v1/', '/v1//')],
    ...[path.replace('/v1/', '/v1/x/..%2f'), path.replace('/v1/', '/v1/x/../'), `${path}.`],
    ...[path.replace('/v1/', '\\v1\\'), path.replace('/v1/', '/V1/'), `${path}%00`],
    path.replace(/[a-z](?=[^/]*$)/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
  ]
  const tries = closed.flatMap((route) => spellings(pathOf(route)).map((path) => ({ route, path })))
  const wrong: string[] = []
  await each(tries, async ({ route, path }) => {
    const { status, code } = await wire.send({ method: route.method, path })
    const fine = status === 401 || status === 404 || status === 400 || status === 405
    if (!fine) wrong.push(`${told(route)} as ${path}: ${status} ${code}`)
  })
  assert.deepEqual(wrong.slice(0, 20), [], `${wrong.length} of ${tries.length}`)
})

test('T67: no list takes SQL, nor a cursor that it did not make', async () => {
  const lists = routes.filter(({ query }) => query !== undefined)
  const tries = lists.flatMap((route) =>
    memberNames(route.query).flatMap((name) => SQL.map((text) => ({ route, name, text }))),
  )
  const wrong: string[] = []
  await each(tries, async ({ route, name, text }) => {
    const path = `${pathOf(route)}?${name}=${encodeURIComponent(text)}`
    const { status, code } = await wire.send({ method: route.method, path, headers })
    const fine = name === 'cursor' ? code === 'request.bad_cursor' || status === 404 : status < 500
    if (!fine) wrong.push(`${told(route)} ${name}=${text}: ${status} ${code}`)
  })
  assert.deepEqual(wrong.slice(0, 20), [], `${wrong.length} of ${tries.length}`)
})

test('T38, T67: a list sorts, filters and joins by nothing that it does not name', async () => {
  const reads = routes.filter(({ method, path }) => method === 'GET' && path.startsWith('/v1/'))
  // Providers say there what they like; nothing is looked up by it.
  const lists = reads.filter(({ path }) => path !== '/v1/auth/oauth/:provider/callback')
  const names = ['sort', 'orderBy', 'filter', 'include', 'select', 'where', 'fields', 'expand']
  const tries = lists.flatMap((route) => {
    const known = new Set(route.query ? memberNames(route.query) : [])
    return names.filter((name) => !known.has(name)).map((name) => ({ route, name }))
  })
  const wrong: string[] = []
  await each(tries, async ({ route, name }) => {
    const path = `${pathOf(route)}?${name}=password_hash`
    const { status, code } = await wire.send({ method: 'GET', path, headers })
    if (status !== 400) wrong.push(`${told(route)} ${name}: ${status} ${code}`)
  })
  assert.deepEqual(wrong.slice(0, 20), [], `${wrong.length} of ${tries.length}`)
})
