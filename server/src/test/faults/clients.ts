import assert from 'node:assert/strict'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually, keptMib } from '#kernel/test-support.ts'
import type { Account } from './account.ts'
import type { Rental } from './rental.ts'
import { ask, closing, open, rawUpgrade } from './wire.ts'

const CUT_MS = 90_000

/** A client of CDP that asks for much and reads nothing of it. */
export async function neverReads(culprit: Rental): Promise<void> {
  const deaf = await open(culprit.cdpUrl)
  const ended = once(deaf, 'close', { signal: AbortSignal.timeout(CUT_MS) })
  deaf.pause()
  const beforeMib = keptMib()
  let mostMib = beforeMib
  for (let id = 1; deaf.readyState === deaf.OPEN; id++) {
    if (deaf.bufferedAmount < 1_000_000) {
      for (let n = 0; n < 200; n++) deaf.send(`{"id":${id},"method":"Target.getTargets"}`)
      for (let n = 0; n < 20; n++) deaf.send(`{"id":${id},"method":"Schema.getDomains"}`)
    }
    if (id % 50 === 0) mostMib = Math.max(mostMib, keptMib())
    await sleep(20)
    if (id > CUT_MS / 20) break
  }
  deaf.resume()
  await ended
  assert.ok(mostMib - beforeMib < 300, `${mostMib - beforeMib} MiB are kept for it`)
  assert.equal(await culprit.evaluate('40 + 2'), 42, 'the session goes on')
}

/** Clients that send more than anybody can answer. */
export async function flood(culprit: Rental, messages: number): Promise<void> {
  const cdp = await open(culprit.cdpUrl)
  let answers = 0
  cdp.on('message', () => answers++)
  for (let id = 1; id <= messages; id++) cdp.send(`{"id":${id},"method":"Browser.getVersion"}`)
  await eventually('each is answered', () => answers >= messages, CUT_MS)
  cdp.terminate()

  const live = await open(culprit.liveUrl)
  const cut = closing(live)
  for (let n = 0; n < 5_000; n++) live.send('{"type":"pause","paused":false}')
  assert.deepEqual(await cut, { code: 1008, reason: 'too many messages' })

  const calls = Array.from({ length: Math.min(messages / 10, 500) }, () =>
    culprit.command('execute', { script: '1' }),
  )
  const statuses = new Set((await Promise.all(calls)).map(({ status }) => status))
  assert.deepEqual(
    [...statuses].filter((status) => ![200, 429].includes(status)),
    [],
  )
  assert.equal(await culprit.evaluate('40 + 2'), 42, 'the session goes on')
}

const BROKEN: Record<string, number[]> = {
  'not masked': [0x81, 0x02, 0x7b, 0x7d],
  'reserved bits': [0xf1, 0x80, 0, 0, 0, 0],
  'no such opcode': [0x83, 0x80, 0, 0, 0, 0],
  'a continuation of nothing': [0x80, 0x80, 0, 0, 0, 0],
  'a ping in parts': [0x09, 0x80, 0, 0, 0, 0],
  'a ping of 126 bytes': [0x89, 0xfe, 0, 126, 0, 0, 0, 0],
  'a close of one byte': [0x88, 0x81, 0, 0, 0, 0, 1],
  'longer than any message': [
    0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0,
  ],
}

/** Frames that no client may send, to every socket that a session has. */
export async function breakFrames(culprit: Rental, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    for (const [what, bytes] of Object.entries(BROKEN)) {
      for (const url of [culprit.cdpUrl, culprit.liveUrl]) {
        const { socket, said } = await rawUpgrade(url)
        const gone = once(socket, 'close', { signal: AbortSignal.timeout(CUT_MS) })
        socket.write(Buffer.from(bytes))
        await gone
        assert.match(closeCodeIn(said()), /^(1002|1009)$/, `${what} at ${url.split('/')[3]}`)
      }
    }
    await randomBytes(culprit)
  }
  assert.equal(await culprit.evaluate('40 + 2'), 42, 'the session goes on')
}

/** What is no protocol at all, and clients that go without a word. */
async function randomBytes(culprit: Rental): Promise<void> {
  for (const url of [culprit.cdpUrl, culprit.liveUrl]) {
    const { socket } = await rawUpgrade(url)
    const noise = Array.from({ length: 4_096 }, (_, at) => (at * 7_919) % 256)
    socket.write(Buffer.from(noise))
    socket.destroy()
    const half = await rawUpgrade(url)
    half.socket.write(Buffer.from([0x81, 0xfe, 0x10]))
    half.socket.destroy()
  }
  const text = await open(culprit.cdpUrl)
  for (const nonsense of ['', '{', '[]', '{"id":-1}', '{"id":1,"method":5}', '\u0000', '"x"']) {
    text.send(nonsense)
  }
  const { result } = await ask(text, 7, 'Browser.getVersion')
  assert.ok(result, 'nonsense is answered, and the connection goes on')
  text.terminate()
}

/** The code of the close frame that ends what a server said. */
function closeCodeIn(said: Buffer): string {
  for (let at = said.length - 4; at >= 0; at--) {
    if (said[at] === 0x88 && said[at + 1] === said.length - at - 2) {
      return String(said.readUInt16BE(at + 2))
    }
  }
  return 'none'
}

/** A person and a program ask for control at the same moment, again and again: one has it, and only that one drives. */
export async function takeControl(culprit: Rental, rounds: number): Promise<void> {
  const takers = [culprit.account, await culprit.account.program('sessions.*')]
  const path = `/sessions/${culprit.id}`
  for (let round = 0; round < rounds; round++) {
    const taken = await Promise.all(takers.map((taker) => taker.post(`${path}/control`)))
    assert.deepEqual(
      taken.map(({ status }) => status),
      [200, 200],
      JSON.stringify(taken),
    )
    const outcomes = taken.map(({ body }) => body.outcome as string)
    assert.deepEqual(outcomes.toSorted(), ['granted', 'waiting'])
    const first = outcomes.indexOf('granted')
    await onlyOneDrives(path, takers[first]!, takers[1 - first]!)
    await takers[first]!.delete(`${path}/control`)
    await onlyOneDrives(path, takers[1 - first]!, takers[first]!)
    await takers[1 - first]!.delete(`${path}/control`)
  }
}

async function onlyOneDrives(path: string, holder: Account, other: Account): Promise<void> {
  const drive = (who: Account) => who.post(`${path}/execute`, { script: '1' })
  const [may, mayNot] = await Promise.all([drive(holder), drive(other)])
  assert.deepEqual([may.status, mayNot.status], [200, 409], JSON.stringify([may, mayNot]))
  assert.equal(mayNot.body.code, 'session.controlled')
}
