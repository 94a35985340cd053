import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { brotliDecompressSync, createGunzip, gunzipSync } from 'node:zlib'
import { buffer } from 'node:stream/consumers'
import {
  acceptedEncoding,
  compressedHeaders,
  compressing,
  type CompressionFacts,
  isCompressible,
} from './compression.ts'

const facts = (headers: string[], more: Partial<CompressionFacts> = {}): CompressionFacts => ({
  ...{ method: 'GET', status: 200, headers, ...more },
})

test('text is compressed, and nothing that must not be', () => {
  const json = ['Content-Type', 'application/json; charset=utf-8']
  assert.ok(isCompressible(facts(json)))
  for (const type of ['text/html', 'text/CSS', 'application/ld+json', 'image/svg+xml']) {
    assert.ok(isCompressible(facts(['content-type', type])), type)
  }
  for (const type of [
    'text/event-stream',
    'text/event-stream; charset=utf-8',
    'image/png',
    'application/grpc',
  ]) {
    assert.ok(!isCompressible(facts(['content-type', type])), type)
  }
  for (const header of [
    ['Content-Encoding', 'br'],
    ['Content-Range', 'bytes 0-1/2'],
    ['Cache-Control', 'public, no-transform'],
    ['Content-Length', '20'],
  ]) {
    assert.ok(!isCompressible(facts([...json, ...header])), header[0])
  }
  assert.ok(!isCompressible(facts(json, { method: 'HEAD' })))
  for (const status of [101, 204, 206, 304]) assert.ok(!isCompressible(facts(json, { status })))
  assert.ok(!isCompressible(facts([])))
})

test('the visitor chooses the encoding', () => {
  const cases: [string | undefined, string | undefined][] = [
    ['gzip, deflate, br', 'br'],
    ['gzip;q=1, br;q=0.5', 'gzip'],
    ['br;q=0, gzip', 'gzip'],
    ['*', 'br'],
    ['*;q=0', undefined],
    ['identity', undefined],
    ['gzip;q=abc', undefined],
    ['', undefined],
    [undefined, undefined],
  ]
  for (const [accepted, wanted] of cases) assert.equal(acceptedEncoding(accepted), wanted)
})

test('the headers say what became of the bytes', () => {
  const raw = [
    'ETag',
    '"a"',
    'Content-Length',
    '9',
    'Accept-Ranges',
    'bytes',
    'Vary',
    'Origin',
    'X',
    'y',
  ]
  const out = [
    'ETag',
    'W/"a"',
    'X',
    'y',
    'Content-Encoding',
    'gzip',
    'Vary',
    'Origin, Accept-Encoding',
  ]
  assert.deepEqual(compressedHeaders(raw, 'gzip'), out)
  assert.deepEqual(compressedHeaders(['Content-Length', '9'], undefined), [
    'Content-Length',
    '9',
    'Vary',
    'Accept-Encoding',
  ])
  assert.deepEqual(compressedHeaders(['Vary', '*', 'ETag', 'W/"a"'], 'br').slice(0, 2), [
    'ETag',
    'W/"a"',
  ])
})

test('what is written comes out at once, whole and smaller', async () => {
  const text = 'the same words again and again '.repeat(500)
  for (const [encoding, open] of [
    ['gzip', gunzipSync],
    ['br', brotliDecompressSync],
  ] as const) {
    const stream = compressing(encoding)
    stream.write(text)
    const [first] = (await once(stream, 'data')) as [Buffer]
    assert.ok(first.length > 0 && first.length < text.length / 10)
    const rest = buffer(stream)
    stream.end('the end')
    assert.equal(open(Buffer.concat([first, await rest])).toString(), `${text}the end`)
  }
  const stream = compressing('gzip')
  const opened = stream.pipe(createGunzip())
  stream.write('not kept back')
  assert.equal(String((await once(opened, 'data'))[0]), 'not kept back')
  stream.destroy()
})
