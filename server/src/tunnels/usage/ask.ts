import type { Context } from '#kernel/context.ts'
import type { TunnelCalls, TunnelRelays } from './relayed.ts'

const DEADLINE_MS = 3_000
/** Of one question. */
const MOST_RELAYS = 32

export interface Answers<Answer> {
  answers: { relayId: string; answer: Answer }[]
  /** Relays that are there and did not answer in time. */
  silent: string[]
}

/** Asks every relay that takes traffic, all at once; none is waited for longer than 3 s. */
export async function askRelays<Answer>(
  ctx: Context,
  relays: TunnelRelays,
  ask: (calls: TunnelCalls) => Promise<Answer>,
): Promise<Answers<Answer>> {
  const there = (await relays.seen(ctx)).filter(({ healthy }) => healthy).slice(0, MOST_RELAYS)
  const result: Answers<Answer> = { answers: [], silent: [] }
  const asked = there.map(async ({ relayId }) => {
    try {
      const calls = await relays.callsTo(ctx, relayId)
      if (calls) result.answers.push({ relayId, answer: await inTime(ask(calls)) })
    } catch (error) {
      ctx.log.info({ err: error, relay: relayId }, 'a relay did not answer')
      result.silent.push(relayId)
    }
  })
  await Promise.all(asked)
  result.answers.sort((one, other) => (one.relayId < other.relayId ? -1 : 1))
  result.silent.sort()
  return result
}

/** @throws Error when the answer is not there within 3 s */
async function inTime<Answer>(answer: Promise<Answer>): Promise<Answer> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => reject(new Error(`no answer within ${DEADLINE_MS} ms`)),
    DEADLINE_MS,
  )
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}
