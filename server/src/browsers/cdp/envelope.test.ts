import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Envelope, EnvelopeFault } from './envelope.ts'

function read(text: string | Buffer): Envelope {
  const envelope = new Envelope()
  const bytes = Buffer.from(text)
  // Surrounded by what belongs to other messages.
  const around = Buffer.concat([Buffer.from('{"'), bytes, Buffer.from('"}]}}')])
  envelope.read(around, 2, 2 + bytes.length)
  return envelope
}

function fault(text: string | Buffer): string {
  try {
    read(text)
  } catch (error) {
    if (error instanceof EnvelopeFault) return `${error.code} ${error.message}`
    throw error
  }
  return assert.fail(`${String(text)} was taken`)
}

test('the members of any message are found, whatever is in its parameters', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      fc.string({ unit: 'binary' }),
      fc.object({ maxDepth: 2, maxKeys: 4 }),
      fc.option(fc.string({ unit: 'grapheme' }), { nil: undefined }),
      fc.integer({ min: 0, max: 3 }),
      (id, method, params, sessionId, space) => {
        const message = { id, method, params, sessionId }
        const envelope = read(JSON.stringify(message, null, space))
        assert.equal(envelope.id, id)
        assert.equal(envelope.method, method)
        const plain: unknown = JSON.parse(JSON.stringify(params))
        assert.deepEqual(envelope.params(), plain)
        const again = JSON.parse(envelope.withParams({ other: 1 }).toString()) as object
        assert.deepEqual(again, JSON.parse(JSON.stringify({ ...message, params: { other: 1 } })))
      },
    ),
    { numRuns: 60 },
  )
})

test('a text is taken exactly when JSON.parse takes it', () => {
  const parts = fc.constantFrom(
    ...[
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '"a"',
      '\\',
      '\\u0041',
      '\\u00g0',
      '\n',
      ' ',
      '\t',
      '\v',
    ],
    ...[
      '1',
      '-',
      '0',
      '01',
      '.5',
      '1.',
      '1e',
      '1e5',
      'E+1',
      'true',
      'false',
      'null',
      'nul',
      '/**/',
    ],
    ...['é', '\u0000', '\ufeff', '//x', "'a'", 'NaN', '{"a":1}', '[1,2]', '"a":'],
  )
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 8 }), (some) => {
      const value = some.join('')
      const text = `{"id":1,"method":"A.b","params":${value}}`
      assert.equal(isTaken(text, read), isTaken(text, JSON.parse), text)
    }),
    { numRuns: 3_000 },
  )
})

function isTaken(text: string, reader: (text: string) => unknown): boolean {
  try {
    const parsed = reader(text)
    // A text that closes the parameters and goes on is another message, or names a member twice.
    return parsed instanceof Envelope || Object.keys(parsed as object).length === 3
  } catch {
    return false
  }
}

test('an escaped name or method is understood', () => {
  const envelope = read('{"\\u0069d":7,"meth\\u006fd":"Page.\\u006eavigate","params":{"url":1}}')
  assert.equal(envelope.id, 7)
  assert.equal(envelope.method, 'Page.navigate')
})

const faults: Record<string, string | Buffer> = {
  'a member twice': '{"id":1,"method":"A.b","method":"C.d"}',
  'a member twice, escaped once': '{"id":1,"method":"A.b","\\u006dethod":"C.d"}',
  'another member': '{"id":1,"method":"A.b","constructor":1}',
  'no number': '{"method":"A.b"}',
  'a number in quotes': '{"id":"1","method":"A.b"}',
  'a number that is too large': '{"id":9007199254740993,"method":"A.b"}',
  'a broken number': '{"id":1.5,"method":"A.b"}',
  'no method': '{"id":1}',
  'a method that is no text': '{"id":1,"method":["A.b"]}',
  'a session that is no text': '{"id":1,"method":"A.b","sessionId":1}',
  'an array': '[]',
  'a bare value': '1',
  nothing: '',
  'two values': '{"id":1,"method":"A.b"} {}',
  'a comment': '/**/{"id":1,"method":"A.b"}',
  'invalid UTF-8': Buffer.concat([
    Buffer.from('{"id":1,"method":"A.b","params":"'),
    Buffer.from([0xff]),
    Buffer.from('"}'),
  ]),
  'too many levels': `{"id":1,"method":"A.b","params":${'['.repeat(2_000)}${']'.repeat(2_000)}}`,
}
for (const [what, text] of Object.entries(faults)) {
  test(`a message with ${what} is a fault`, () => {
    assert.match(fault(text), /^-32(600|700) /)
  })
}

test('an envelope that is read again is of the new message', () => {
  const envelope = new Envelope()
  const methods = ['Page.navigate', 'Page.navigate', 'Page.navigatf', 'Page', 'P\u00e4ge', 'Page.x']
  for (const method of [...methods, 'x'.repeat(200), '', ...methods]) {
    const bytes = Buffer.from(JSON.stringify({ id: 1, method }))
    envelope.read(bytes, 0, bytes.length)
    assert.equal(envelope.method, method)
    assert.equal(envelope.sessionSuffix, '')
    assert.equal(envelope.params(), undefined)
    envelope.clear()
  }
})
