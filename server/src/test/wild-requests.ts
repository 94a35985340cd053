import fc from 'fast-check'
import { z } from 'zod'
import { type AnyRoute, servedPath } from '#kernel/http/route.ts'

// oxlint-disable-next-line typescript/no-explicit-any
type Json = any

/** One request to a route, and whether it is certain that the route must refuse it. */
export interface WildRequest {
  method: string
  path: string
  headers: Record<string, string>
  body?: string | Buffer
  wrong: boolean
}

const texts = fc.oneof(
  fc.constantFrom(
    ...[
      '',
      '\0',
      'a\0b',
      '\ud800',
      '\udc00x',
      '\ufeff',
      '\u2028',
      '\r\nset-cookie: a=b',
      '\u001b[31m',
    ],
    ...[
      'x'.repeat(10_000),
      '👩‍🚀',
      "' or 1=1 --",
      '"; drop table users; --',
      '{"$ne":null}',
      '%00',
      '%',
    ],
    ...[
      '__proto__',
      'constructor',
      '../../etc/passwd',
      '-1',
      '1e999',
      'NaN',
      'null',
      '2026-13-45T99:99Z',
    ],
    ...['+275760-09-13T00:00:00.001Z', '0000-01-01T00:00:00Z', '9999-12-31T23:59:59Z'],
  ),
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme', minLength: 1 }),
)
const numbers = fc.oneof(
  fc.constantFrom(
    -1,
    -0,
    0,
    0.5,
    -1e308,
    1e308,
    2 ** 31,
    -(2 ** 31) - 1,
    Number.MAX_SAFE_INTEGER,
    5e-324,
  ),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer(),
)
const values: fc.Arbitrary<Json> = fc.oneof(
  ...[texts, numbers, fc.constantFrom(null, true, false, [], {}, [[]], [null])],
  fc.array(fc.oneof(texts, numbers), { maxLength: 3 }),
  fc.dictionary(texts.filter(plainName), fc.oneof(texts, numbers), { maxKeys: 3 }),
)

/** `__proto__` cannot be a member of a plain object; the broken bodies have it as text. */
function plainName(name: string): boolean {
  return name !== '__proto__'
}

/** Texts that are no JSON, or JSON that parsers disagree about. */
const brokenBodies: fc.Arbitrary<string | Buffer> = fc.constantFrom<(string | Buffer)[]>(
  ...[
    '{',
    '{"a":',
    '[1,',
    'nul',
    '{a:1}',
    "{'a':1}",
    '{"a":1,}',
    '//',
    '{}{}',
    '\u00a0{}',
    '\ufeff{}',
    'NaN',
  ],
  ...[
    '{"a":1,"a":2}',
    '{"a":1,"\\u0061":2}',
    '{"__proto__":{}}',
    '{"a":1e400}',
    '{"a":9007199254740993}',
  ],
  ...[
    '{"a":"\\u0000"}',
    '{"a":"\\ud800"}',
    '{"\\udfff":1}',
    '['.repeat(10_000),
    '{"a":'.repeat(5_000),
  ],
  ...[
    '['.repeat(33) + ']'.repeat(33),
    `{"${'k'.repeat(1024 * 1024)}":1}`,
    '{"a":"\t"}',
    '{"a":01}',
  ],
  ...[
    Buffer.from([0x7b, 0xff, 0x7d]),
    Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]),
    Buffer.from('{}', 'utf16le'),
  ],
)

const contentTypes = fc.constantFrom(
  ...[
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'text/json',
  ],
  ...[
    'application/xml',
    'application/jsonx',
    'application',
    '/',
    ';',
    'application/json-patch+json',
  ],
)

/** Requests that are made from the route's own schemas and examples, each wrong or at least odd in one place. */
export function wildRequests(route: AnyRoute): fc.Arbitrary<WildRequest> {
  const takesBody = route.method !== 'GET'
  return fc.oneof(
    { weight: 1, arbitrary: oddQuery(route) },
    { weight: 1, arbitrary: oddHeaders(route) },
    ...(route.params ? [{ weight: 2, arbitrary: oddParams(route) }] : []),
    ...(takesBody ? [{ weight: 2, arbitrary: unreadableBody(route) }] : []),
    ...(route.body ? [{ weight: 6, arbitrary: oddBody(route) }] : []),
  )
}

function plainRequest(route: AnyRoute): WildRequest {
  const given = route.examples?.params as Record<string, string> | undefined
  return {
    method: route.method,
    path: servedPath(route.path).replace(/:(\w+)/g, (_, name: string) => given?.[name] ?? 'x'),
    headers: route.body ? { 'content-type': 'application/json' } : {},
    ...(route.body && { body: JSON.stringify(route.examples?.body ?? {}) }),
    wrong: false,
  }
}

function oddParams(route: AnyRoute): fc.Arbitrary<WildRequest> {
  return texts.map((text) => ({
    ...plainRequest(route),
    path: servedPath(route.path).replace(/:\w+/g, encoded(text) || '%20'),
    wrong: true,
  }))
}

function oddQuery(route: AnyRoute): fc.Arbitrary<WildRequest> {
  const plain = plainRequest(route)
  const known = route.query ? membersOf(route.query).map(([name]) => name!) : []
  const unknown = texts.filter((name) => !known.includes(name) && name !== '')
  const one = (names: fc.Arbitrary<string>, wrong: boolean) =>
    fc.tuple(names, texts).map(([name, text]) => ({
      ...plain,
      path: `${plain.path}?${encoded(name)}=${encoded(text)}`,
      wrong,
    }))
  const twice = fc.constantFrom(...(known.length > 0 ? known : ['x'])).map((name) => ({
    ...plain,
    path: `${plain.path}?${name}=1&${name}=2`,
    wrong: true,
  }))
  return fc.oneof(
    ...[one(unknown, true), twice],
    ...(known.length > 0 ? [one(fc.constantFrom(...known), false)] : []),
  )
}

/** Headers that every route reads. */
function oddHeaders(route: AnyRoute): fc.Arbitrary<WildRequest> {
  const plain = plainRequest(route)
  const name = fc.constantFrom('authorization', 'idempotency-key', 'accept', 'x-forwarded-for')
  const text = texts.map((text) => text.replace(/[^\x20-\x7e\x80-\xff]/g, '?').slice(0, 2_000))
  return fc.tuple(name, text, fc.boolean()).map(([name, text, bearer]) => ({
    ...plain,
    headers: {
      ...plain.headers,
      [name]: name === 'authorization' && bearer ? `Bearer ${text}` : text,
    },
  }))
}

function unreadableBody(route: AnyRoute): fc.Arbitrary<WildRequest> {
  const plain = plainRequest(route)
  const json = { 'content-type': 'application/json' }
  return fc.oneof(
    brokenBodies.map((body) => ({ ...plain, headers: json, body, wrong: true })),
    contentTypes.map((type) => ({
      ...plain,
      headers: { 'content-type': type },
      body: plain.body ?? '{}',
      wrong: true,
    })),
    values.filter(isNoObject).map((value) => ({
      ...plain,
      headers: json,
      body: JSON.stringify(value),
      wrong: true,
    })),
  )
}

/** A body that the strict parser reads: no name is given twice, but what it holds may be anything. */
function oddBody(route: AnyRoute): fc.Arbitrary<WildRequest> {
  const plain = plainRequest(route)
  const example = route.examples?.body ?? {}
  const members = membersOf(route.body)
  const withValue = fc
    .tuple(fc.constantFrom(...(members.length > 0 ? members : [['x']])), values)
    .map(([path, value]) => changed(example, path, value))
  const withUnknown = fc
    .tuple(fc.constantFrom(...parentsOf(members)), texts.filter(plainName), values)
    .map(([path, name, value]) => changed(example, [...path, name], value))
  const without = fc
    .constantFrom(...(members.length > 0 ? members : [['x']]))
    .map((path) => changed(example, path, undefined))
  return fc.oneof(withValue, withUnknown, without).map((body) => ({
    ...plain,
    body: JSON.stringify(body),
    wrong: !accepts(route.body, body),
  }))
}

function accepts(schema: z.ZodType, body: unknown): boolean {
  const closed = schema instanceof z.ZodObject ? schema.strict() : schema
  return closed.safeParse(JSON.parse(JSON.stringify(body))).success
}

/** Paths of the members that a schema names, at every depth. */
function membersOf(schema: z.ZodType): string[][] {
  const whole = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any', reused: 'inline' })
  return membersIn(whole)
}

function membersIn(schema: Json): string[][] {
  if (typeof schema !== 'object' || schema === null) return []
  const variants = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])]
  const named = Object.entries<Json>(schema.properties ?? {})
  return [
    ...variants.flatMap(membersIn),
    ...named.flatMap(([name, of]) => [[name], ...membersIn(of).map((path) => [name, ...path])]),
  ]
}

/** The objects that a schema names: the body itself, and what holds a member. */
function parentsOf(members: string[][]): string[][] {
  return [[], ...members.filter((path) => path.length > 1).map((path) => path.slice(0, -1))]
}

function changed(body: Json, [name, ...rest]: string[], value: Json): Json {
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body)
  const base: Json = isObject ? body : {}
  if (name === undefined) return value
  if (rest.length === 0) return { ...base, [name]: value }
  return { ...base, [name]: changed(base[name], rest, value) }
}

function isNoObject(value: Json): boolean {
  return typeof value !== 'object' || value === null || Array.isArray(value)
}

/** Percent-encoded byte by byte: half of a surrogate pair, too, as other programs send it. */
function encoded(text: string): string {
  return [...text]
    .map((char) => (char.isWellFormed() ? encodeURIComponent(char) : '%ED%A0%80'))
    .join('')
}
