import { httpProblems } from '#kernel/http/problems.ts'
import { route } from '#kernel/http/route.ts'
import { memberProblems } from '../accounts/problems.ts'
import { problems } from '../problems.ts'
import { staffProblems } from '../staff/problems.ts'
import type { Tools } from '../tools.ts'
import { changeUser } from './change.ts'
import { createUser } from './create.ts'
import { exampleDetails, exampleSeen } from './examples.ts'
import { listUsers } from './list.ts'
import { administrationProblems } from './problems.ts'
import {
  AdminUser,
  AdminUserChange,
  AdminUserDetails,
  AdminUserPage,
  CreateUser,
  Deactivate,
  TierChange,
  UserQuery,
  userParams,
} from './schema.ts'
import { getSeen, showUser } from './show.ts'
import { deactivateUser, reactivateUser } from './suspend.ts'
import { changeTier } from './tier.ts'

const params = { id: exampleSeen.id }
const { isYou, belongsElsewhere, wrongStatus } = administrationProblems
const reach = [staffProblems.notFound, staffProblems.notBelowYou, belongsElsewhere]

export function administrationRoutes(tools: () => Tools) {
  return [
    route({
      method: 'GET',
      path: '/v1/admin/users',
      summary: 'List and search users',
      description:
        'Who runs the installation sees everybody, the admin of a reseller those who act for an account below it.',
      access: 'users.read',
      query: UserQuery,
      returns: AdminUserPage,
      problems: [httpProblems.noAccount, administrationProblems.searchTooWide],
      examples: {
        query: { q: 'lovelace', status: 'active', sort: '-lastLoginAt' },
        reply: { items: [exampleSeen], nextCursor: null, total: 1 },
      },
      handler: (ctx, { query }) => listUsers(ctx, query),
    }),
    route({
      method: 'POST',
      path: '/v1/admin/users',
      summary: 'Make a user, who is mailed a link to choose their password',
      description:
        'The link works once, for 72 hours; nobody but the owner of the mailbox learns it. Whoever is to be `owner` or `admin` of an ' +
        'account takes a fresh proof.',
      access: 'users.create',
      body: CreateUser,
      returns: AdminUser,
      status: 201,
      problems: [
        ...[problems.emailTaken, memberProblems.aboveYou],
        ...[problems.stepUpRequired, httpProblems.noAccount],
      ],
      examples: {
        body: {
          email: 'ben@example.com',
          firstName: 'Ben',
          role: 'member',
          accountId: exampleSeen.accountId,
        },
        reply: { ...exampleSeen, email: 'ben@example.com', firstName: 'Ben', secondFactor: false },
      },
      handler: async (ctx, { body }) => getSeen(ctx, await createUser(tools(), ctx, body)),
    }),
    route({
      method: 'GET',
      path: '/v1/admin/users/:id',
      summary: 'Show a user',
      access: 'users.read',
      params: userParams,
      returns: AdminUserDetails,
      problems: [staffProblems.notFound],
      examples: { params, reply: exampleDetails },
      handler: (ctx, { params }) => showUser(tools(), ctx, params.id),
    }),
    route({
      method: 'PUT',
      path: '/v1/admin/users/:id',
      summary: 'Change the name of a user',
      description:
        'Members that are left out stay as they are; `null` removes a name. What was read may be sent back whole: ' +
        'read-only members are accepted when they are unchanged.',
      access: 'users.write',
      params: userParams,
      body: AdminUserChange,
      returns: AdminUserDetails,
      problems: reach,
      examples: { params, body: { lastName: 'King' }, reply: exampleDetails },
      handler: (ctx, { params, body }) => changeUser(tools(), ctx, params.id, body),
    }),
    route({
      method: 'POST',
      path: '/v1/admin/users/:id/deactivate',
      summary: 'Let nobody sign in as a user any more',
      description:
        'Their sign-ins, sockets and browsers end within 5 seconds, and their keys count no more until the user is reactivated.',
      access: 'users.write',
      params: userParams,
      body: Deactivate,
      bodyOptional: true,
      returns: AdminUser,
      problems: [...reach, isYou, wrongStatus, staffProblems.lastSuperAdmin],
      examples: {
        params,
        body: { reason: 'Ticket 4711' },
        reply: { ...exampleSeen, status: 'disabled' },
      },
      handler: async (ctx, { params, body }) => {
        await deactivateUser(tools(), ctx, params.id, body)
        return getSeen(ctx, params.id)
      },
    }),
    route({
      method: 'POST',
      path: '/v1/admin/users/:id/reactivate',
      summary: 'Let a user sign in again',
      access: 'users.write',
      params: userParams,
      returns: AdminUser,
      problems: [...reach, isYou, wrongStatus],
      examples: { params, reply: exampleSeen },
      handler: async (ctx, { params }) => {
        await reactivateUser(tools(), ctx, params.id)
        return getSeen(ctx, params.id)
      },
    }),
    route({
      method: 'PUT',
      path: '/v1/admin/users/:id/tier',
      summary: 'Move the account that a user acts for to another tier',
      description: 'Everybody in that account is in the tier; its owners are told by mail.',
      access: 'users.tier',
      params: userParams,
      body: TierChange,
      returns: AdminUser,
      problems: reach,
      examples: { params, body: { tier: 'premium' }, reply: { ...exampleSeen, tier: 'premium' } },
      handler: async (ctx, { params, body }) => {
        await changeTier(ctx, params.id, body)
        return getSeen(ctx, params.id)
      },
    }),
  ]
}
