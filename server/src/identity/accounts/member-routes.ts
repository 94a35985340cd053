import { PageQuery } from '#kernel/http/cursor.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import { route } from '#kernel/http/route.ts'
import { problems } from '../problems.ts'
import type { Tools } from '../tools.ts'
import { exampleMember } from './examples.ts'
import { changeRole, leaveAccount, removeMember, transferAccount } from './members.ts'
import { presentMember } from './present.ts'
import { memberProblems } from './problems.ts'
import { listMembers } from './read.ts'
import { accountOfPath, accountParams } from './routes.ts'
import { Member, MemberChange, MemberPage, Transfer, UserId } from './schema.ts'
import { exampleAccount } from './examples.ts'

const of = { account: accountOfPath, params: accountParams }
const memberParams = accountParams.extend({ userId: UserId })
const one = { account: accountOfPath, params: memberParams }
const exampleParams = { id: exampleAccount.id, userId: exampleMember.userId }
const { notFound, aboveYou, lastOwner } = memberProblems
const proof = [problems.stepUpRequired, httpProblems.keyNotAllowed]

export function memberRoutes(tools: () => Tools) {
  return [
    route({
      method: 'GET',
      path: '/v1/accounts/:id/members',
      summary: 'List the members of an account, newest first',
      ...{ access: 'members.read', query: PageQuery, returns: MemberPage, ...of },
      examples: {
        params: { id: exampleAccount.id },
        query: { limit: 20 },
        reply: { items: [exampleMember], nextCursor: null },
      },
      handler: async (ctx, { query }) => {
        const { rows, nextCursor } = await listMembers(ctx, query)
        return { items: rows.map(presentMember), nextCursor }
      },
    }),
    route({
      method: 'PATCH',
      path: '/v1/accounts/:id/members/:userId',
      summary: 'Give a member another role',
      description:
        'Nobody gives, changes or takes a role above their own, and an account keeps an owner. ' +
        'To make somebody admin or owner takes a fresh proof, which an API key cannot give.',
      ...{ access: 'members.write', body: MemberChange, returns: Member, ...one },
      problems: [notFound, aboveYou, lastOwner, ...proof],
      examples: { params: exampleParams, body: { role: 'admin' }, reply: exampleMember },
      handler: async (ctx, { params, body }) =>
        presentMember(await changeRole(tools(), ctx, params.userId, body)),
    }),
    route({
      method: 'DELETE',
      path: '/v1/accounts/:id/members/me',
      summary: 'Leave an account',
      description:
        'Whoever has no other account gets a new personal one. The last owner hands the account over first.',
      access: { signedIn: 'everybody may leave, except the last owner' },
      ...{ status: 204, ...of },
      problems: [notFound, lastOwner],
      examples: { params: { id: exampleAccount.id } },
      handler: (ctx) => leaveAccount(tools(), ctx),
    }),
    route({
      method: 'DELETE',
      path: '/v1/accounts/:id/members/:userId',
      summary: 'Remove a member from an account',
      description: 'What they started stays with the account; the API keys that they made end.',
      ...{ access: 'members.write', status: 204, ...one },
      problems: [notFound, aboveYou, lastOwner],
      examples: { params: exampleParams },
      handler: (ctx, { params }) => removeMember(tools(), ctx, params.userId),
    }),
    route({
      method: 'POST',
      path: '/v1/accounts/:id/transfer',
      summary: 'Hand an account over to another of its members',
      description: 'They own it from then on, and you stay as an admin.',
      ...{ access: 'accounts.transfer', body: Transfer, returns: Member, ...of },
      problems: [notFound, ...proof],
      examples: {
        params: { id: exampleAccount.id },
        body: { userId: exampleMember.userId },
        reply: exampleMember,
      },
      handler: async (ctx, { body }) => presentMember(await transferAccount(tools(), ctx, body)),
    }),
  ]
}
