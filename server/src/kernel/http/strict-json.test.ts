import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { JsonRefused, parseStrictJson } from './strict-json.ts'

const text = fc.string({ unit: 'grapheme' }).filter((each) => !each.includes('\0'))
const name = text.filter((each) => each !== '__proto__')
const number = fc.oneof(
  fc.maxSafeInteger(),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e15, max: 1e15 }),
)
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 6 },
    ...[fc.constantFrom(null, true, false), number, text],
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(name, tie('value'), { maxKeys: 4 }),
  ),
}))
const spacing = fc.constantFrom('', ' ', '\t', '  ')

/** The same JSON with every character of its strings escaped: `"a"` is `"\u0061"`. */
function escaped(json: string): string {
  return json.replace(/"(?:[^"\\]|\\.)*"/g, (literal) => {
    const units = [...(JSON.parse(literal) as string)].flatMap((char) => char.split(''))
    return `"${units.map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"`
  })
}

function refused(json: string, why: RegExp) {
  assert.throws(
    () => parseStrictJson(json),
    (error) => error instanceof JsonRefused && why.test(error.message),
    json.slice(0, 80),
  )
}

test('JSON that every parser reads alike is read as JSON.parse reads it', () => {
  const property = fc.property(value, spacing, fc.boolean(), (given, space, escape) => {
    const plain = JSON.stringify(given, undefined, space)
    const json = escape ? escaped(plain) : plain
    assert.deepEqual(parseStrictJson(json), JSON.parse(json))
  })
  fc.assert(property, { numRuns: 300 })
})

const WRONG: [string, RegExp][] = [
  ['{"a":1,"b":2,"a":3}', /given before/],
  ['{"a":1,"\\u0061":3}', /given before/],
  ['{"__proto__":{"admin":true}}', /__proto__/],
  ['{"\\u005f_proto__":1}', /__proto__/],
  ['1e400', /too large/],
  ['-1e400', /too large/],
  ['9007199254740993', /too large/],
  ['-9007199254740993', /too large/],
  ['9007199254740993.0', /too large/],
  [`1${'0'.repeat(400)}`, /too large/],
  ['"a\\u0000b"', /NUL/],
  ['{"\\u0000":1}', /NUL/],
  ['"\\ud800"', /surrogate/],
  ['"\\udc00\\ud800"', /surrogate/],
  ['{"\\ud83d":1}', /surrogate/],
]

test('what parsers disagree about is refused wherever it stands', () => {
  const property = fc.property(
    value,
    fc.constantFrom(...WRONG),
    fc.nat(2),
    (sound, [json, why], place) => {
      const good = JSON.stringify(sound)
      const around = [
        `[${good},${json}]`,
        `{"x":${good},"y":${json}}`,
        `{"y":[${json}],"z":${good}}`,
      ]
      refused(around[place]!, why)
    },
  )
  fc.assert(property, { numRuns: 300 })
  for (const [json, why] of WRONG) refused(json, why)
})

test('a text is read as JSON.parse reads it, or refused', () => {
  const pieces = [
    '{',
    '}',
    '[',
    ']',
    ':',
    ',',
    '"',
    '\\',
    '"a"',
    '"b"',
    '0',
    '-',
    '1e9',
    '.5',
    'true',
    'null',
  ]
  const json = fc.array(fc.constantFrom(...pieces, ' ', '\n', '\ufeff', '\u0000', '\\u00'), {
    maxLength: 12,
  })
  fc.assert(
    fc.property(json, (parts) => {
      const whole = parts.join('')
      let parsed: unknown
      try {
        parsed = parseStrictJson(whole)
      } catch (error) {
        return assert.ok(error instanceof JsonRefused)
      }
      assert.deepEqual(parsed, JSON.parse(whole))
    }),
    { numRuns: 2_000 },
  )
})

test('32 levels are read, 33 and ten thousand are not, however they are made', () => {
  const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
  const objects = (levels: number) => '{"a":'.repeat(levels) + '1' + '}'.repeat(levels)
  for (const make of [nested, objects]) {
    assert.deepEqual(parseStrictJson(make(32)), JSON.parse(make(32)))
    for (const levels of [33, 10_000]) refused(make(levels), /deeper than 32/)
  }
  assert.deepEqual(
    parseStrictJson(`[${nested(31)},${nested(31)}]`),
    JSON.parse(`[${nested(31)},${nested(31)}]`),
  )
})

test('a refusal tells where, and never what the text holds', () => {
  const secret = 'correct-horse-battery'
  for (const json of [
    `{"password":"${secret}"`,
    `{"password":${secret}}`,
    `["${secret}\\u0000"]`,
  ]) {
    assert.throws(
      () => parseStrictJson(json),
      (error: Error) => !error.message.includes(secret) && /at character \d+$/.test(error.message),
    )
  }
  refused('\ufeff{}', /not well-formed/)
})
