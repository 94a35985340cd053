import assert from 'node:assert/strict'
import { PassThrough, Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { pour } from './pour.ts'

/** Keeps what it is given, by the call; each ends at once, or once `taken` is. */
class Calls extends Writable {
  readonly calls: Buffer[] = []
  readonly #taken: Promise<void> | undefined

  constructor(taken?: Promise<void>) {
    super({ highWaterMark: 64 * 1024 })
    this.#taken = taken
  }

  override _write(chunk: Buffer, _: unknown, done: () => void): void {
    this.calls.push(chunk)
    this.#end(done)
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.calls.push(Buffer.concat(chunks.map(({ chunk }) => chunk)))
    this.#end(done)
  }

  #end(done: () => void): void {
    if (this.#taken) void this.#taken.then(done)
    else done()
  }
}

/** Of the event loop. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await setImmediate()
}

function pieces(count: number): Buffer[] {
  return Array.from({ length: count }, (_, at) => Buffer.alloc(at % 2 ? 16_000 : 384, at))
}

test('what comes at once is written in few calls, whole and in order', async () => {
  const [from, to] = [new PassThrough(), new Calls()]
  pour(from, to)
  const all = pieces(400)
  for (const piece of all) from.write(piece)
  from.end()
  await finished(to)
  assert.ok(Buffer.concat(to.calls).equals(Buffer.concat(all)))
  assert.ok(to.calls.length <= 110, `${to.calls.length} calls`)
})

test('a small piece waits for nothing, and a large one not for the next', async () => {
  const [from, to] = [new PassThrough(), new Calls()]
  pour(from, to)
  from.write('hello')
  await turns()
  from.write(Buffer.alloc(16_000))
  await turns()
  assert.deepEqual(
    to.calls.map(({ length }) => length),
    [5, 16_000],
  )
})

test('of what the other side does not take, no more is read than it may keep', async () => {
  const take = Promise.withResolvers<void>()
  const [from, to] = [new PassThrough({ highWaterMark: 16_000 }), new Calls(take.promise)]
  pour(from, to)
  const all = pieces(400)
  for (const piece of all) from.write(piece)
  from.end()
  await turns()
  assert.ok(to.writableLength <= 64 * 1024 + 16_000, `${to.writableLength} bytes`)
  take.resolve()
  await finished(to)
  assert.ok(Buffer.concat(to.calls).equals(Buffer.concat(all)))
})
