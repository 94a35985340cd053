import { z } from 'zod'
import { ACCOUNT_RANKS } from '#access/index.ts'
import { pageOf } from '#kernel/http/cursor.ts'
import { idPattern } from '#kernel/ids.ts'
import { PersonName } from '../settings.ts'

export const AccountId = z
  .string()
  .regex(idPattern('acc'), 'must be the id of an account such as acc_06ax…')
  .meta({ description: 'Id of an account' })

export const UserId = z
  .string()
  .regex(idPattern('usr'), 'must be the id of a user such as usr_06ax…')
  .meta({ description: 'Id of a user' })

export const MemberRole = z
  .enum(ACCOUNT_RANKS)
  .meta({ description: 'What each may do: `GET /v1/roles`, under `account-…`' })

const kinds = ['organisation', 'reseller'] as const

export const CreateAccount = z
  .strictObject({
    name: PersonName.meta({ description: 'How people know it', examples: ['Analytical Engines'] }),
    kind: z.enum(kinds).default('organisation').meta({
      description: 'A `reseller` has accounts below it; only the operator makes one',
    }),
    parentId: AccountId.optional().meta({
      description: 'The reseller that it is to lie below; nobody is its member at first',
    }),
  })
  .meta({ id: 'CreateAccount' })
export type CreateAccount = z.output<typeof CreateAccount>

export const AccountChange = z
  .strictObject({
    name: PersonName.optional(),
    kind: z.enum(kinds).optional().meta({ description: 'Changed by the operator only' }),
    parentId: AccountId.nullable().optional().meta({
      description: 'Where it is to lie; `null`, which the operator alone may give, for nowhere',
    }),
  })
  .meta({ id: 'AccountChange' })
export type AccountChange = z.output<typeof AccountChange>

export const Account = z
  .strictObject({
    id: AccountId,
    name: z.string(),
    kind: z.enum(['personal', ...kinds]),
    tier: z.enum(['free', 'premium', 'enterprise']),
    parentId: AccountId.optional().meta({ description: 'The account above it' }),
    role: MemberRole.optional().meta({ description: 'Of the caller, who is a member' }),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Account' })
export type Account = z.output<typeof Account>

export const Member = z
  .strictObject({
    userId: UserId,
    email: z.string(),
    firstName: z.string().optional(),
    lastName: z.string().optional(),
    role: MemberRole,
    createdAt: z.iso.datetime().meta({ description: 'When the person became a member' }),
  })
  .meta({ id: 'Member' })
export type Member = z.output<typeof Member>

export const MemberChange = z.strictObject({ role: MemberRole }).meta({ id: 'MemberChange' })
export type MemberChange = z.output<typeof MemberChange>

export const Transfer = z
  .strictObject({ userId: UserId.meta({ description: 'A member, who becomes the owner' }) })
  .meta({ id: 'TransferAccount' })
export type Transfer = z.output<typeof Transfer>

export const AccountPage = pageOf(Account).meta({ id: 'AccountPage' })
export const MemberPage = pageOf(Member).meta({ id: 'MemberPage' })
