import { z } from 'zod'
import { PLATFORM_RANKS } from '#access/index.ts'
import { PageQuery, pageOf } from '#kernel/http/cursor.ts'
import { idPattern } from '#kernel/ids.ts'
import { AccountId, MemberRole, UserId } from '../accounts/schema.ts'
import { Email, NewPassword, SessionForm, User } from '../schema.ts'
import { PersonName } from '../settings.ts'
import { statuses } from './life.ts'

const PlatformRole = z
  .enum(PLATFORM_RANKS)
  .meta({ description: 'Over the installation: `GET /v1/roles`' })

const InvitationId = z
  .string()
  .regex(idPattern('inv'), 'must be the id of an invitation such as inv_06ax…')
  .meta({ description: 'Id of an invitation' })

export const invitationParams = z.strictObject({ id: InvitationId })

export const CreateInvitation = z
  .strictObject({
    email: Email,
    accountId: AccountId.optional().meta({
      description: 'The account that `role` is in: the one that you act for unless given',
    }),
    role: MemberRole.optional(),
    platformRole: PlatformRole.optional().meta({
      description: 'To run the installation; with it, `role` may be left out',
    }),
  })
  .meta({ id: 'CreateInvitation' })
export type CreateInvitation = z.output<typeof CreateInvitation>

export const AcceptInvitation = z
  .strictObject({
    token: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'must be the token of the link in the mail'),
    password: NewPassword.optional().meta({
      description: 'For whoever has no user yet; others sign in and accept with that token',
    }),
    firstName: PersonName.optional(),
    lastName: PersonName.optional(),
    session: SessionForm,
  })
  .meta({ id: 'AcceptInvitation' })
export type AcceptInvitation = Omit<z.output<typeof AcceptInvitation>, 'session'>

export const Invitation = z
  .strictObject({
    id: InvitationId,
    email: z.string(),
    accountId: AccountId.optional(),
    role: MemberRole.optional(),
    platformRole: PlatformRole.optional(),
    status: z.enum(statuses),
    invitedBy: UserId,
    createdAt: z.iso.datetime(),
    sentAt: z.iso.datetime().meta({ description: 'When it was mailed last' }),
    timesSent: z.int(),
    expiresAt: z.iso.datetime(),
    acceptedAt: z.iso.datetime().optional(),
    acceptedBy: UserId.optional(),
    cancelledAt: z.iso.datetime().optional(),
  })
  .meta({ id: 'Invitation' })
export type Invitation = z.output<typeof Invitation>

export const Accepted = z
  .strictObject({
    invitation: Invitation,
    user: User,
    accessToken: z.string().optional().meta({ description: 'For a user that was made just now' }),
    refreshToken: z.string().optional(),
    csrfToken: z
      .string()
      .optional()
      .meta({ description: 'In place of both, with `session: "cookie"`' }),
    expiresInSeconds: z.int().optional(),
  })
  .meta({ id: 'AcceptedInvitation' })
export type Accepted = z.output<typeof Accepted>

export const InvitationQuery = PageQuery.extend({
  accountId: AccountId.optional().meta({ description: 'The one that you act for unless given' }),
  to: z.enum(['account', 'installation']).default('account').meta({
    description: '`installation`: those to run the installation, which need `staff.read`',
  }),
})
export type InvitationQuery = z.output<typeof InvitationQuery>

export const InvitationPage = pageOf(Invitation).meta({ id: 'InvitationPage' })
