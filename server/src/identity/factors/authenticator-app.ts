import type { Context } from '#kernel/context.ts'
import type { Keyring } from '#kernel/crypto.ts'
import type { Tools } from '../tools.ts'
import type { TotpSecretRow } from './tables.ts'
import { stepOf } from './totp.ts'

const PURPOSE = 'totp secrets'

export function sealSecret(keyring: Keyring, userId: string, secret: Buffer): Buffer {
  return keyring.seal(PURPOSE, placeOf(userId), secret)
}

/** The step of which the code is, by the person's secret of this row; undefined when it is of none about now. */
export function stepOfCode(
  { keyring }: Tools,
  ctx: Context,
  { userId, sealedSecret }: TotpSecretRow,
  code: string,
): number | undefined {
  return stepOf(keyring.open(PURPOSE, placeOf(userId), sealedSecret), code, ctx.clock.now())
}

export async function findSecret(
  ctx: Context,
  userId: string,
  state: TotpSecretRow['state'],
): Promise<TotpSecretRow | undefined> {
  return ctx.db
    .selectFrom('totpSecrets')
    .selectAll()
    .where('userId', '=', userId)
    .where('state', '=', state)
    .executeTakeFirst()
}

/**
 * Whether the code is right and no code of its step or a later one was taken before; it is taken then. One statement decides, so of
 * many at once with one code, one is right.
 */
export async function useTotp(
  tools: Tools,
  ctx: Context,
  userId: string,
  code: string,
): Promise<boolean> {
  const secret = await findSecret(ctx, userId, 'active')
  const step = secret && stepOfCode(tools, ctx, secret, code)
  if (step === undefined) return false
  const { numUpdatedRows } = await ctx.db
    .updateTable('totpSecrets')
    .set({ lastStep: String(step) })
    .where('userId', '=', userId)
    .where('state', '=', 'active')
    .where('lastStep', '<', String(step))
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

/** Not the row's state: a secret that is confirmed moves from one to the other. */
function placeOf(userId: string): string[] {
  return ['totp_secrets', userId, 'sealed_secret']
}
