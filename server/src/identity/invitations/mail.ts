import { linkTo, sendMail } from '#notifications/index.ts'
import type { Context } from '#kernel/context.ts'
import { findUser } from '../users.ts'
import { LIFE_HOURS } from './life.ts'
import type { InvitationRow } from './tables.ts'

/** Of an invitation to no account. */
const INSTALLATION = 'Gantry'

/** Mails the link that accepts the invitation, in the caller's transaction. */
export async function mailInvitation(
  ctx: Context,
  { email, accountId, role, platformRole, invitedBy }: InvitationRow,
  token: string,
): Promise<void> {
  const inviter = await findUser(ctx.db, 'id', invitedBy)
  const account = accountId && (await nameOf(ctx, accountId))
  const name = [inviter?.firstName, inviter?.lastName].filter(Boolean).join(' ')
  await sendMail(ctx, {
    to: email,
    template: 'invitation',
    values: {
      link: linkTo(ctx, 'invitation', token),
      inviter: name || inviter?.email || INSTALLATION,
      account: account || INSTALLATION,
      role: [role, platformRole].filter(Boolean).join(', '),
      expiresInHours: LIFE_HOURS,
    },
    ...(accountId && { accountId }),
  })
}

async function nameOf({ db }: Context, accountId: string): Promise<string | undefined> {
  const account = await db
    .selectFrom('accounts')
    .select('name')
    .where('id', '=', accountId)
    .executeTakeFirst()
  return account?.name
}
