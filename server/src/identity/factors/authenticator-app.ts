import type { Context } from '#kernel/context.ts'
import type { SealedColumn } from '#kernel/secrets/sealed-column.ts'
import type { Tools } from '../tools.ts'
import type { TotpSecretRow } from './tables.ts'
import { stepOf } from './totp.ts'

/** `totp_secrets.sealed_secret` */
export const appSecrets: SealedColumn = {
  ...{ table: 'totp_secrets', id: 'id', column: 'sealed_secret', purpose: 'totp secrets' },
  place: (id) => ['totp_secrets', id, 'sealed_secret'],
}

/** What is stored of a new secret: the id, which names the person, is what it is sealed for. */
export function sealSecret(
  { keyring }: Tools,
  ctx: Context,
  userId: string,
  secret: Buffer,
): Pick<TotpSecretRow, 'id' | 'sealedSecret'> {
  const id = `${userId}.${ctx.newId('otp')}`
  return { id, sealedSecret: keyring.seal(appSecrets.purpose, appSecrets.place(id), secret) }
}

/** The step of which the code is, by the person's secret of this row; undefined when it is of none about now. */
export function stepOfCode(
  { keyring }: Tools,
  ctx: Context,
  { id, sealedSecret }: TotpSecretRow,
  code: string,
): number | undefined {
  const secret = keyring.open(appSecrets.purpose, appSecrets.place(id), sealedSecret)
  return stepOf(secret, code, ctx.clock.now())
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
