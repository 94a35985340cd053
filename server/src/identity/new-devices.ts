import { sendMail } from '#notifications/index.ts'
import type { Context } from '#kernel/context.ts'
import { plainAddress } from '#kernel/public-addresses.ts'
import { addressBlocks } from './address-blocks.ts'
import type { Client } from './client.ts'
import type { Tools } from './tools.ts'
import type { UserRow } from './users.ts'

/** Tells one device from another as well as address and agent do: neither a new version nor a neighbouring address makes another one. */
export function deviceOf({ keyring }: Tools, userId: string, client: Client): Buffer {
  const agent = (client.userAgent ?? '').replaceAll(/[\d._]+/g, '')
  return keyring.mac('devices', JSON.stringify([userId, neighbourhood(client.ipAddress), agent]))
}

function neighbourhood(ipAddress: string | undefined): string {
  const plain = ipAddress === undefined ? undefined : plainAddress(ipAddress)
  if (plain?.family === 4) return plain.address.split('.').slice(0, 3).join('.')
  return addressBlocks(ipAddress).at(-1)!.block
}

/** Mails the person when they have signed in before, but never from such a device; in the transaction that signs it in. */
export async function tellOfNewDevice(
  ctx: Context,
  { id: userId, email: to, accountId }: UserRow,
  device: Buffer,
  client: Client,
): Promise<void> {
  const { known, any } = await ctx.db
    .selectNoFrom(({ exists, selectFrom }) => {
      const earlier = selectFrom('signIns')
        .select('id')
        .where('userId', '=', userId)
        .where('device', 'is not', null)
      return [exists(earlier).as('any'), exists(earlier.where('device', '=', device)).as('known')]
    })
    .executeTakeFirstOrThrow()
  if (known || !any) return
  const values = { at: ctx.clock.now().toISOString(), ...client }
  await sendMail(ctx, { to, template: 'new_device', values, accountId })
}
