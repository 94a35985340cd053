import { domainToASCII } from 'node:url'
import { emailKey } from '#kernel/email-key.ts'
import type { Context } from '#kernel/context.ts'
import { problems } from './problems.ts'

/** @throws problem `mail.invalid_value` for anything but one plain address */
export function checkAddress(address: string): void {
  if (emailKey(address) === undefined) throw problems.invalidValue({ name: 'to' })
}

/** The domain in the form that every mail server and provider takes. */
export function wireAddress(address: string): string {
  const at = address.lastIndexOf('@')
  return `${address.slice(0, at)}@${domainToASCII(address.slice(at + 1))}`
}

/** Under which an address is suppressed; all spellings of it have the same. */
export function addressDigest({ keyring }: Context, address: string): Buffer {
  return keyring.mac('mail addresses', emailKey(address) ?? wireAddress(address))
}

export async function isSuppressed(ctx: Context, address: string): Promise<boolean> {
  const found = await ctx.db
    .selectFrom('mailSuppressions')
    .select('createdAt')
    .where('addressDigest', '=', addressDigest(ctx, address))
    .executeTakeFirst()
  return found !== undefined
}

/** From now on the address gets no mail. */
export async function suppress(ctx: Context, address: string, reason: string): Promise<void> {
  await ctx.db
    .insertInto('mailSuppressions')
    .values({ addressDigest: addressDigest(ctx, address), reason, createdAt: ctx.clock.now() })
    .onConflict((oc) => oc.column('addressDigest').doNothing())
    .execute()
}

/** Whether there was something to lift. */
export async function liftSuppression(ctx: Context, address: string): Promise<boolean> {
  const { numDeletedRows } = await ctx.db
    .deleteFrom('mailSuppressions')
    .where('addressDigest', '=', addressDigest(ctx, address))
    .executeTakeFirst()
  return numDeletedRows > 0n
}
