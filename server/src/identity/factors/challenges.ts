import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { sha256 } from '#kernel/crypto.ts'
import type { Context } from '#kernel/context.ts'
import { addressBlocks } from '../address-blocks.ts'
import type { Client } from '../client.ts'
import type { UserRow } from '../users.ts'
import { factorProblems } from './problems.ts'
import type { SignInChallengeRow } from './tables.ts'

const ID_BYTES = 32
const LIFE_MS = 5 * 60 * 1000
const MAX_TRIES = 5

/** A sign-in whose first factor was right; only its id finishes it, from the same network, within 5 minutes, and it is no token. */
export async function openChallenge(
  ctx: Context,
  user: UserRow,
  { amr, client }: { amr: string[]; client: Client },
): Promise<{ challengeId: string; expiresAt: Date }> {
  const challengeId = randomBytes(ID_BYTES).toString('base64url')
  const now = ctx.clock.now()
  const expiresAt = new Date(now.getTime() + LIFE_MS)
  const { id: userId, ver: userVer } = user
  const network = networkOf(client)
  await ctx.db
    .insertInto('signInChallenges')
    .values({
      ...{ challengeHash: sha256(challengeId), userId, userVer, network },
      ...{ amr, createdAt: now, expiresAt },
    })
    .execute()
  return { challengeId, expiresAt }
}

/** Takes one of the challenge's 5 tries. @throws problem `factor.challenge_over` */
export async function takeChallengeTry(
  ctx: Context,
  challengeId: string,
  client: Client,
): Promise<SignInChallengeRow> {
  const challenge = await ctx.db
    .updateTable('signInChallenges')
    .set({ tries: sql<number>`tries + 1` })
    .where('challengeHash', '=', sha256(challengeId))
    .where('network', '=', networkOf(client))
    .where('usedAt', 'is', null)
    .where('expiresAt', '>', ctx.clock.now())
    .where('tries', '<', MAX_TRIES)
    .returningAll()
    .executeTakeFirst()
  if (!challenge) throw factorProblems.challengeOver()
  return challenge
}

/** The challenge while it can still be finished. @throws problem `factor.challenge_over` */
export async function readChallenge(
  ctx: Context,
  challengeId: string,
  client: Client,
): Promise<SignInChallengeRow> {
  const challenge = await ctx.db
    .selectFrom('signInChallenges')
    .selectAll()
    .where('challengeHash', '=', sha256(challengeId))
    .where('network', '=', networkOf(client))
    .where('usedAt', 'is', null)
    .where('expiresAt', '>', ctx.clock.now())
    .where('tries', '<', MAX_TRIES)
    .executeTakeFirst()
  if (!challenge) throw factorProblems.challengeOver()
  return challenge
}

/** Whether it was this call that finished it. */
export async function useChallenge(
  ctx: Context,
  { challengeHash }: SignInChallengeRow,
): Promise<boolean> {
  const { numUpdatedRows } = await ctx.db
    .updateTable('signInChallenges')
    .set({ usedAt: ctx.clock.now() })
    .where('challengeHash', '=', challengeHash)
    .where('usedAt', 'is', null)
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

/** What stays the same while a client moves about: an IPv4 address as it is, of an IPv6 address its /64. */
function networkOf({ ipAddress }: Client): string {
  return addressBlocks(ipAddress)[0]!.block
}
