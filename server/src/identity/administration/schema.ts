import { z } from 'zod'
import { PLATFORM_RANKS } from '#access/index.ts'
import { PageQuery } from '#kernel/http/cursor.ts'
import { AccountId, MemberRole, UserId } from '../accounts/schema.ts'
import { Email, User } from '../schema.ts'
import { PersonName } from '../settings.ts'
import { StaffChange } from '../staff/schema.ts'

export const Tier = z.enum(['free', 'premium', 'enterprise'])

const Status = z.enum(['active', 'disabled', 'leaving']).meta({
  description: '`active` users alone sign in; who is `leaving` is deleted after the days of grace',
})

const shown = User.omit({ settings: true, impersonatedBy: true }).extend({
  status: Status,
  secondFactor: z.boolean().meta({ description: 'Whether they have set one up' }),
})

export const AdminUser = shown.meta({ id: 'AdminUser' })
export type AdminUser = z.output<typeof AdminUser>

export const AdminUserDetails = shown
  .extend({
    accounts: z
      .array(
        z.strictObject({ id: AccountId, name: z.string(), kind: z.string(), role: MemberRole }),
      )
      .meta({ description: 'That they are a member of, as far as you reach; 100 at most' }),
    devices: z.int().meta({ description: 'That are signed in' }),
    secondFactors: z.strictObject({
      authenticatorApp: z.boolean(),
      passkeys: z.int(),
      backupCodesLeft: z.int(),
    }),
    lockedUntil: z.iso.datetime().optional().meta({
      description: 'Too many wrong passwords came: until then every password counts as wrong',
    }),
  })
  .meta({ id: 'AdminUserDetails' })
export type AdminUserDetails = z.output<typeof AdminUserDetails>

export const AdminUserPage = z
  .strictObject({
    items: z.array(AdminUser),
    nextCursor: z.string().nullable().meta({ description: 'For the next page; null on the last' }),
    total: z.int().optional().meta({
      description: 'On the first page: how many there are; 10,000 stands for that many or more',
    }),
  })
  .meta({ id: 'AdminUserPage' })

const yesOrNo = z.enum(['true', 'false']).optional()

/** PostgreSQL has no year 0; and nobody was here before this century. */
const time = z.iso
  .datetime()
  .regex(/^[2-9]/, 'must be in or after the year 2000')
  .optional()

export const UserQuery = PageQuery.extend({
  cursor: PageQuery.shape.cursor.unwrap().max(1_000).optional(),
  q: z
    .string()
    .trim()
    .min(2)
    .max(100)
    .optional()
    .meta({ description: 'Part of the e-mail address or the name; no character has a meaning' }),
  status: Status.optional(),
  role: z.enum(PLATFORM_RANKS).optional().meta({ description: 'Over the installation' }),
  tier: Tier.optional(),
  accountId: AccountId.optional().meta({ description: 'Members of this account' }),
  verified: yesOrNo.meta({ description: 'Whether their e-mail address is proven' }),
  secondFactor: yesOrNo,
  createdFrom: time,
  createdTo: time.meta({ description: 'Before this' }),
  lastLoginFrom: time,
  lastLoginTo: time.meta({ description: 'Before this, or never' }),
  sort: z
    .enum(['-createdAt', 'createdAt', 'email', '-email', '-lastLoginAt', 'lastLoginAt'])
    .default('-createdAt')
    .meta({ description: 'With `-` from the last to the first' }),
})
export type UserQuery = z.output<typeof UserQuery>
export type Sort = UserQuery['sort']

export const CreateUser = z
  .strictObject({
    email: Email,
    firstName: PersonName.optional(),
    lastName: PersonName.optional(),
    accountId: AccountId.optional().meta({
      description: 'The account that they are to work in; one of their own unless given',
    }),
    role: MemberRole.optional().meta({ description: 'In that account; `member` unless given' }),
  })
  .meta({ id: 'CreateUser' })
export type CreateUser = z.output<typeof CreateUser>

/** As they were read, if at all. */
const readOnly = Object.fromEntries(
  Object.keys(AdminUserDetails.shape)
    .filter((member) => member !== 'firstName' && member !== 'lastName')
    .map((member) => [member, z.unknown().optional()]),
) as Record<Exclude<keyof AdminUserDetails, 'firstName' | 'lastName'>, z.ZodOptional<z.ZodUnknown>>

export const AdminUserChange = z
  .strictObject({
    firstName: PersonName.nullable().optional(),
    lastName: PersonName.nullable().optional(),
    ...readOnly,
  })
  .meta({ id: 'AdminUserChange' })
export type AdminUserChange = z.output<typeof AdminUserChange>

const reason = z
  .string()
  .trim()
  .min(1)
  .max(500)
  .optional()
  .meta({ description: 'Why: it is kept with the event', examples: ['Ticket 4711'] })

export const Deactivate = z.strictObject({ reason }).meta({ id: 'DeactivateUser' })
export type Deactivate = z.output<typeof Deactivate>

export const TierChange = z.strictObject({ tier: Tier }).meta({ id: 'TierChange' })
export type TierChange = z.output<typeof TierChange>

export const userParams = z.strictObject({ id: UserId })

export const MAX_BULK = 1_000

const userIds = z.array(UserId).min(1).max(MAX_BULK).meta({ description: 'Each of them once' })

const deactivate = z.strictObject({ operation: z.literal('deactivate'), reason })
const reactivate = z.strictObject({ operation: z.literal('reactivate') })
const tier = z.strictObject({ operation: z.literal('tier'), tier: Tier })
const roles = z.strictObject({
  operation: z.literal('roles'),
  roles: StaffChange.shape.roles,
})
const remove = z.strictObject({ operation: z.literal('delete') })
const create = z.strictObject({ operation: z.literal('create') })

/** What is done to each. */
export const BulkWork = z.discriminatedUnion('operation', [
  deactivate,
  reactivate,
  tier,
  roles,
  remove,
  create,
])
export type BulkWork = z.output<typeof BulkWork>

export const BulkChange = z
  .discriminatedUnion('operation', [
    deactivate.extend({ userIds }),
    reactivate.extend({ userIds }),
    tier.extend({ userIds }),
    roles.extend({ userIds }),
    remove.extend({ userIds }),
    create.extend({ users: z.array(CreateUser).min(1).max(MAX_BULK) }),
  ])
  .meta({ id: 'BulkUserChange' })
export type BulkChange = z.output<typeof BulkChange>

export const BulkRow = z
  .strictObject({
    row: z.int().meta({ description: 'As it was sent, from 0' }),
    userId: UserId.optional().meta({ description: 'Absent until a new user is made' }),
    email: z.string().optional().meta({ description: 'Of a user to be made' }),
    status: z.enum(['waiting', 'done', 'unchanged', 'refused']).meta({
      description: '`unchanged`: it was so already',
    }),
    code: z.string().optional().meta({ description: 'Of the refusal' }),
    detail: z.string().optional(),
  })
  .meta({ id: 'BulkUserRow' })
export type BulkRow = z.output<typeof BulkRow>

export const BulkStarted = z
  .strictObject({ operationId: z.string().min(1).max(64).meta({ description: '`op_…`' }) })
  .meta({ id: 'StartedBulkUserChange' })
export type BulkStarted = z.output<typeof BulkStarted>
