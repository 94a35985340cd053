import { z } from 'zod'
import { PageQuery } from '#kernel/http/cursor.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import { type RawInput, route } from '#kernel/http/route.ts'
import { problems } from '../problems.ts'
import type { Tools } from '../tools.ts'
import { changeAccount, createAccount, deleteAccount } from './change.ts'
import { exampleAccount } from './examples.ts'
import { presentAccount } from './present.ts'
import { accountProblems } from './problems.ts'
import { getAccount, listAccounts } from './read.ts'
import { Account, AccountChange, AccountId, AccountPage, CreateAccount } from './schema.ts'

export const accountParams = z.strictObject({ id: AccountId })

/** The path names the account that the request is about. */
export const accountOfPath = ({ params }: RawInput) => params.id

const of = { account: accountOfPath, params: accountParams }
const { limitReached, notReseller, tooDeep, cycle, outOfReach } = accountProblems

export function accountRoutes(tools: () => Tools) {
  return [
    route({
      method: 'GET',
      path: '/v1/accounts',
      summary: 'List the accounts that you can act for, newest first',
      description:
        'Those that you are a member of, for the admins of a reseller those below it, and for whoever runs the installation all. ' +
        'The header `Gantry-Account` names the one that a request acts for; without it, a request acts for `accountId` of the user.',
      access: 'accounts.read',
      query: PageQuery,
      returns: AccountPage,
      examples: { query: { limit: 20 }, reply: { items: [exampleAccount], nextCursor: null } },
      handler: async (ctx, { query }) => {
        const { rows, nextCursor } = await listAccounts(ctx, query)
        return { items: rows.map(presentAccount), nextCursor }
      },
    }),
    route({
      method: 'POST',
      path: '/v1/accounts',
      summary: 'Found an account',
      description:
        'You own it. With `parentId` it lies below that reseller instead, and nobody is its member until somebody is invited: ' +
        'that needs `accounts.create` there. Only the operator makes resellers.',
      access: { signedIn: 'everybody may have accounts, within bounds' },
      account: ({ body }) => (body as CreateAccount | undefined)?.parentId,
      body: CreateAccount,
      returns: Account,
      status: 201,
      problems: [httpProblems.forbidden, limitReached, notReseller, tooDeep],
      examples: { body: { name: exampleAccount.name }, reply: exampleAccount },
      handler: async (ctx, { body }) => presentAccount(await createAccount(tools(), ctx, body)),
    }),
    route({
      ...{ method: 'GET', path: '/v1/accounts/:id', summary: 'Show an account' },
      ...{ access: 'accounts.read', returns: Account, ...of },
      examples: { params: { id: exampleAccount.id }, reply: exampleAccount },
      handler: async (ctx) => presentAccount(await getAccount(ctx)),
    }),
    route({
      method: 'PATCH',
      path: '/v1/accounts/:id',
      summary: 'Change the name of an account, or where it lies',
      description:
        'Admins of a reseller move accounts below it to another place below it (`accounts.move`); the operator moves any, and ' +
        'says which is a reseller (`accounts.manage`).',
      ...{ access: 'accounts.write', body: AccountChange, returns: Account, ...of },
      problems: [
        ...[notReseller, tooDeep, cycle, outOfReach],
        ...[accountProblems.hasAccounts, accountProblems.personal],
      ],
      examples: {
        params: { id: exampleAccount.id },
        body: { name: exampleAccount.name },
        reply: exampleAccount,
      },
      handler: async (ctx, { body }) => presentAccount(await changeAccount(tools(), ctx, body)),
    }),
    route({
      method: 'DELETE',
      path: '/v1/accounts/:id',
      summary: 'Delete an account',
      description:
        'Nobody acts for it any more, its API keys and its invitations end. What its members have elsewhere stays.',
      ...{ access: 'accounts.delete', status: 204, ...of },
      problems: [
        ...[accountProblems.personal, accountProblems.hasAccounts],
        ...[problems.stepUpRequired, httpProblems.keyNotAllowed],
      ],
      examples: { params: { id: exampleAccount.id } },
      handler: (ctx) => deleteAccount(tools(), ctx),
    }),
  ]
}
