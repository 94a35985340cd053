import type { Context } from '#kernel/context.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import type { Client } from '../client.ts'
import { recordSignIn } from '../sign-in-records.ts'
import type { Tools } from '../tools.ts'
import { findUser, type UserRow } from '../users.ts'
import { useTotp } from './authenticator-app.ts'
import { plainCode } from './backup-code-text.ts'
import { countCodes, useCode } from './backup-codes.ts'
import { type FactorMethod, factorRefused, factorUsed } from './events.ts'
import { lockFactors } from './holding.ts'
import { tellChange, tellLock } from './notices.ts'
import { factorProblems } from './problems.ts'
import { giveTryBack, takeTry } from './tries.ts'

/** What somebody shows to prove that they are the person. */
export interface Proof {
  method: FactorMethod
  /** Uses it up, in the transaction of `ctx`. */
  isRight(ctx: Context, user: UserRow): Promise<boolean>
}

interface Proving {
  userId: string
  proof: Proof
  purpose: 'sign_in' | 'step_up' | 'change'
  client: Client
}

export function byTotp(tools: Tools, code: string): Proof {
  return { method: 'totp', isRight: (ctx, { id }) => useTotp(tools, ctx, id, code) }
}

export function byBackupCode(tools: Tools, code: string): Proof {
  return { method: 'backup_code', isRight: (ctx, { id }) => useCode(tools, ctx, id, code) }
}

/** A code of the app or a backup code, told apart by its shape. */
export function byCode(tools: Tools, code: string): Proof {
  return plainCode(code) === undefined ? byTotp(tools, code) : byBackupCode(tools, code)
}

/**
 * Looks at a second factor, uses it up, and does `work` in the same transaction. A wrong one counts against the person whatever becomes
 * of the request; announces `second_factor.used` or `second_factor.refused`.
 *
 * @throws problem `auth.too_many_attempts`, `factor.locked`, `factor.code_refused`, `passkey.refused` or what `work` throws; the proof is unused then
 */
export async function withProof<Result>(
  tools: Tools,
  ctx: Context,
  proving: Proving,
  work: (ctx: Context, user: UserRow) => Promise<Result>,
): Promise<Result> {
  const { userId, proof, client } = proving
  await tools.attempts.takeFrom('second_factor', client.ipAddress)
  const taken = await takeTry(ctx, userId)
  if ('lockedUntil' in taken) return refuseLocked(ctx, proving, taken.lockedUntil)
  const proved = await ctx.transaction(async (ctx) => {
    await lockFactors(ctx, userId)
    const user = await readUser(ctx, userId)
    if (!(await proof.isRight(ctx, user))) return undefined
    await giveTryBack(ctx, userId)
    await announceUse(ctx, user, proving)
    return { result: await work(ctx, user) }
  })
  if (proved) {
    await tools.attempts.giveBackFrom('second_factor', client.ipAddress)
    return proved.result
  }
  await announceRefusal(ctx, proving, 'wrong', taken.isLast ? taken.until : undefined)
  throw proof.method === 'passkey' ? factorProblems.passkeyRefused() : factorProblems.codeRefused()
}

async function announceUse(
  ctx: Context,
  user: UserRow,
  { proof: { method }, purpose, client }: Proving,
): Promise<void> {
  const { id: userId, accountId } = user
  const use = { userId, method, for: purpose, ...client }
  await ctx.actingFor(accountId).events.emit(factorUsed, use)
  if (method !== 'backup_code') return
  await tellChange(ctx, user, 'backup_code_used', await countCodes(ctx, userId))
}

async function refuseLocked(ctx: Context, proving: Proving, until: Date): Promise<never> {
  await announceRefusal(ctx, proving, 'locked')
  const waitMs = until.getTime() - ctx.clock.now().getTime()
  throw factorProblems.locked({ retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)) })
}

async function announceRefusal(
  ctx: Context,
  { userId, proof: { method }, purpose, client }: Proving,
  reason: 'wrong' | 'locked',
  lockedUntil?: Date,
): Promise<void> {
  await ctx.transaction(async (ctx) => {
    const user = await readUser(ctx, userId)
    const refusal = { userId, method, reason, ...client }
    await ctx.actingFor(user.accountId).events.emit(factorRefused, refusal)
    if (purpose === 'sign_in') await recordSignIn(ctx, userId, 'second_factor_failed', client)
    if (lockedUntil) await tellLock(ctx, user, lockedUntil)
  })
  ctx.log.info({ user: userId, method, reason }, 'second factor refused')
}

async function readUser(ctx: Context, userId: string): Promise<UserRow> {
  const user = await findUser(ctx.db, 'id', userId)
  if (!user) throw httpProblems.unauthenticated()
  return user
}
