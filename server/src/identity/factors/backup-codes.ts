import { randomBytes } from 'node:crypto'
import type { Context } from '#kernel/context.ts'
import type { Keyring } from '#kernel/crypto.ts'
import type { Tools } from '../tools.ts'
import { LENGTH, LETTERS, plainCode } from './backup-code-text.ts'

const COUNT = 10

/** Fewer than so many left are worth a word. */
export const FEW_CODES = 3

/** Replaces the person's codes, in the caller's transaction. The new ones are shown this once. */
export async function replaceCodes(
  { keyring }: Tools,
  ctx: Context,
  userId: string,
): Promise<string[]> {
  const codes = Array.from({ length: COUNT }, makeCode)
  const createdAt = ctx.clock.now()
  await deleteCodes(ctx, userId)
  await ctx.db
    .insertInto('backupCodes')
    .values(codes.map((code) => ({ userId, createdAt, codeHash: hashOf(keyring, userId, code) })))
    .execute()
  return codes.map((code) => code.match(/.{4}/g)!.join('-'))
}

export async function deleteCodes(ctx: Context, userId: string): Promise<void> {
  await ctx.db.deleteFrom('backupCodes').where('userId', '=', userId).execute()
}

/** Whether the code was one of the person's and unused; it is used then. Of two at once, one is right. */
export async function useCode(
  { keyring }: Tools,
  ctx: Context,
  userId: string,
  typed: string,
): Promise<boolean> {
  const code = plainCode(typed)
  if (code === undefined) return false
  const { numUpdatedRows } = await ctx.db
    .updateTable('backupCodes')
    .set({ usedAt: ctx.clock.now() })
    .where('userId', '=', userId)
    .where('codeHash', '=', hashOf(keyring, userId, code))
    .where('usedAt', 'is', null)
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

export async function countCodes(ctx: Context, userId: string): Promise<number> {
  const { count } = await ctx.db
    .selectFrom('backupCodes')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where('userId', '=', userId)
    .where('usedAt', 'is', null)
    .executeTakeFirstOrThrow()
  return Number(count)
}

/** 80 random bits: too few for a plain hash, which whoever copied the table could try out. */
function hashOf(keyring: Keyring, userId: string, code: string): Buffer {
  return keyring.mac('backup codes', `${userId} ${code}`)
}

function makeCode(): string {
  return Array.from(randomBytes(LENGTH), (byte) => LETTERS[byte % LETTERS.length]).join('')
}
