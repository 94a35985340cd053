import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FrameFault, FrameReader } from './frame-reader.ts'
import { PING, TEXT, unmask } from './frames.ts'

interface Frame {
  opcode: number
  final: boolean
  payload: Buffer
  mask: Buffer
}

const MAX_BYTES = 200_000

/** As a client writes it. */
function encode({ opcode, final, payload, mask }: Frame): Buffer {
  const { length } = payload
  const extended = Buffer.alloc(length < 126 ? 0 : length < 65_536 ? 2 : 8)
  if (extended.length === 2) extended.writeUInt16BE(length)
  if (extended.length === 8) extended.writeBigUInt64BE(BigInt(length))
  const short = extended.length === 0 ? length : extended.length === 2 ? 126 : 127
  const masked = Buffer.from(payload)
  unmask(masked, 0, length, mask, 0)
  const head = Buffer.from([(final ? 0x80 : 0) | opcode, 0x80 | short])
  return Buffer.concat([head, extended, mask, masked])
}

/** What is read of these bytes when they come in pieces that end at these places. */
function read(bytes: Buffer, cuts: readonly number[] = []): string[] {
  const seen: string[] = []
  const reader = new FrameReader(
    {
      message(at, frame, from, to) {
        const payload = at.toString('latin1', from, to)
        seen.push(`text ${payload}`)
        // What is sent on is read by a server as the same message.
        assert.deepEqual(decodeOne(at.subarray(frame, to)), payload)
      },
      control: (opcode, payload) => seen.push(`${opcode} ${payload.toString('latin1')}`),
    },
    MAX_BYTES,
  )
  const places = [0, ...cuts, bytes.length].sort((a, b) => a - b)
  for (let index = 1; index < places.length; index++) {
    // A copy, since payloads are unmasked where they lie.
    reader.push(Buffer.from(bytes.subarray(places[index - 1], places[index])))
  }
  return seen
}

function decodeOne(bytes: Buffer): string {
  const short = bytes[1]! & 0x7f
  const size = short < 126 ? 2 : short === 126 ? 4 : 10
  const length =
    size === 2 ? short : size === 4 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2))
  assert.equal(bytes[0], 0x80 | TEXT)
  assert.deepEqual([...bytes.subarray(size, size + 4)], [0, 0, 0, 0])
  assert.equal(bytes.length, size + 4 + length)
  return bytes.toString('latin1', size + 4)
}

const mask = fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => Buffer.from(bytes))
const payload = fc
  .oneof(
    { weight: 8, arbitrary: fc.nat(130) },
    { weight: 2, arbitrary: fc.nat(3_000) },
    { weight: 1, arbitrary: fc.constantFrom(125, 126, 65_535, 65_536, 70_001) },
  )
  .chain((length) => fc.nat(255).map((seed) => Buffer.alloc(length, `${seed} payload`)))
const ping = fc.tuple(fc.nat(125), mask).map(([length, mask]): Frame => {
  return { opcode: PING, final: true, payload: Buffer.alloc(length, 'ping'), mask }
})

/** A message in one or more fragments, with pings between them. */
const message = fc
  .array(fc.tuple(payload, mask, fc.array(ping, { maxLength: 1 })), { minLength: 1, maxLength: 3 })
  .map((parts) =>
    parts.flatMap(([payload, mask, pings], index): Frame[] => [
      { opcode: index === 0 ? TEXT : 0, final: index === parts.length - 1, payload, mask },
      ...(index === parts.length - 1 ? [] : pings),
    ]),
  )
const frames = fc.array(
  fc.oneof(
    message,
    ping.map((frame) => [frame]),
  ),
  { maxLength: 5 },
)

function expected(sequence: readonly Frame[]): string[] {
  const seen: string[] = []
  let text = ''
  for (const { opcode, final, payload } of sequence) {
    if (opcode === PING) seen.push(`${PING} ${payload.toString('latin1')}`)
    else text += payload.toString('latin1')
    if (opcode === PING || !final) continue
    seen.push(`text ${text}`)
    text = ''
  }
  return seen
}

test('any split of any sequence of frames gives the same messages', () => {
  fc.assert(
    fc.property(frames, fc.array(fc.nat(400_000), { maxLength: 12 }), (groups, cuts) => {
      const sequence = groups.flat()
      fc.pre(sequence.reduce((sum, { payload }) => sum + payload.length, 0) < MAX_BYTES)
      const bytes = Buffer.concat(sequence.map(encode))
      const places = cuts.map((cut) => cut % (bytes.length + 1))
      assert.deepEqual(read(bytes, places), expected(sequence))
    }),
    { numRuns: 150 },
  )
})

test('a sequence that comes byte by byte gives the same messages', () => {
  fc.assert(
    fc.property(frames, (groups) => {
      const bytes = Buffer.concat(groups.flat().map(encode)).subarray(0, 2_000)
      const cuts = Array.from({ length: bytes.length }, (_, index) => index)
      assert.deepEqual(read(bytes, cuts), read(bytes))
    }),
    { numRuns: 40 },
  )
})

test('any bytes are either read or refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      try {
        read(Buffer.from(bytes))
      } catch (error) {
        assert.ok(error instanceof FrameFault, String(error))
      }
    }),
  )
})

const zero = Buffer.alloc(4)
const text = (payload: string, final = true, opcode = TEXT) =>
  encode({ opcode, final, payload: Buffer.from(payload), mask: zero })

const broken: Record<string, [Buffer, number]> = {
  'without a mask': [Buffer.from([0x81, 0x02, 0x7b, 0x7d]), 1002],
  'with a reserved bit': [Buffer.from([0xc1, 0x80, 0, 0, 0, 0]), 1002],
  'of an unknown opcode': [text('x', true, 3), 1002],
  'of an unknown control opcode': [text('x', true, 0xb), 1002],
  'that goes on with nothing': [text('x', true, 0), 1002],
  'inside of another message': [Buffer.concat([text('x', false), text('y')]), 1002],
  'of a ping in fragments': [text('x', false, PING), 1002],
  'of a ping that is too long': [text('x'.repeat(126), true, PING), 1002],
  'with a length in too many bytes': [Buffer.from([0x81, 0xfe, 0, 5, 0, 0, 0, 0]), 1002],
  'with a length in far too many bytes': [
    Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 0, 0x12, 0, 0, 0, 0, 0]),
    1002,
  ],
  'with the first bit of its length': [
    Buffer.from([0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    1002,
  ],
  'of a message that is too long': [
    Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0xff, 0, 0, 0, 0, 0, 0, 0]),
    1009,
  ],
  'of binary bytes': [text('x', true, 2), 1003],
}
for (const [what, [bytes, code]] of Object.entries(broken)) {
  test(`a frame ${what} is refused with ${code}`, () => {
    for (const cuts of [[], [1], [1, 2, 3, 4, 5]]) {
      const fits = cuts.filter((cut) => cut < bytes.length)
      assert.throws(() => read(bytes, fits), { code })
    }
  })
}

test('fragments that are too long together are refused', () => {
  const half = text('x'.repeat(MAX_BYTES / 2 + 1), false)
  const rest = text('x'.repeat(MAX_BYTES / 2 + 1), true, 0)
  assert.throws(() => read(Buffer.concat([half, rest])), { code: 1009 })
})
