import { z } from 'zod'
import { requireStepUp, stepUpRequired } from '#identity/index.ts'
import { PageQuery, pageOf } from '#kernel/http/cursor.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import { route } from '#kernel/http/route.ts'
import type { AddressLists } from './address-lists.ts'
import { changeAllowlist, showAllowlist } from './allowlist.ts'
import { createBlock, liftBlock, listBlocks } from './blocks.ts'
import { problems } from './problems.ts'
import { Allowlist, AllowlistChange, Block, BlockId, CreateBlock } from './schema.ts'

const at = '2026-11-21T12:00:00.000Z'
const by = 'usr_06f3k9w2m4qz7x8y1v5t0r6n3b'
const exampleRange = { range: '203.0.113.0/24', description: 'The office' }
const exampleAllowlist = {
  ranges: [{ ...exampleRange, addedBy: by, addedAt: at }],
  ...{ configured: [], yourAddress: '203.0.113.7' },
}
const exampleBlock = {
  ...{ id: 'blk_06f3k9w2m4qz7x8y1v5t0r6n3b', range: '198.51.100.0/24' },
  ...{ scope: 'everything' as const, reason: 'Tries passwords', expiresAt: null },
  ...{ createdBy: by, createdAt: at },
}

const weighty = { admit: requireStepUp }
const ofWeighty = [stepUpRequired, httpProblems.keyNotAllowed]

export function routes(lists: () => AddressLists) {
  return [...allowlistRoutes(lists), ...blockRoutes(lists)]
}

function allowlistRoutes(lists: () => AddressLists) {
  return [
    route({
      method: 'GET',
      path: '/v1/admin/ip-allowlist',
      summary: 'Show from which addresses staff may work',
      access: 'addresses.read',
      returns: Allowlist,
      examples: { reply: exampleAllowlist },
      handler: (ctx, { request }) => showAllowlist(ctx, lists(), request.ip),
    }),
    route({
      method: 'PUT',
      path: '/v1/admin/ip-allowlist',
      summary: 'Say from which addresses staff may work',
      description:
        'From elsewhere the routes that only staff can use answer 403, and staff are what they are in accounts of their own. ' +
        'Every process follows within 5 s. A list that your own address is not in is refused.',
      access: 'addresses.write',
      ...weighty,
      body: AllowlistChange,
      returns: Allowlist,
      problems: [problems.wouldLockOut, ...ofWeighty],
      examples: { body: { ranges: [exampleRange] }, reply: exampleAllowlist },
      handler: (ctx, { body, request }) => changeAllowlist(ctx, lists(), body, request.ip),
    }),
  ]
}

function blockRoutes(lists: () => AddressLists) {
  return [
    route({
      method: 'GET',
      path: '/v1/admin/rate-limits/blocks',
      summary: 'List the addresses that are blocked, the newest first',
      access: 'addresses.read',
      query: PageQuery,
      returns: pageOf(Block),
      examples: { query: { limit: 20 }, reply: { items: [exampleBlock], nextCursor: null } },
      handler: (ctx, { query }) => listBlocks(ctx, query),
    }),
    route({
      method: 'POST',
      path: '/v1/admin/rate-limits/blocks',
      summary: 'Block an address or a range',
      description:
        'Whoever comes from there gets 403 before they are asked who they are, and what they have open is cut; every process follows ' +
        'within 5 s. Your own address cannot be blocked.',
      access: 'addresses.write',
      ...weighty,
      body: CreateBlock,
      returns: Block,
      status: 201,
      problems: [
        ...[problems.wouldLockOut, problems.alreadyBlocked, problems.tooManyBlocks],
        ...[problems.endsInThePast, ...ofWeighty],
      ],
      examples: {
        body: { range: exampleBlock.range, reason: exampleBlock.reason },
        reply: exampleBlock,
      },
      handler: (ctx, { body, request }) => createBlock(ctx, lists(), body, request.ip),
    }),
    route({
      method: 'DELETE',
      path: '/v1/admin/rate-limits/blocks/:id',
      summary: 'Lift a block',
      access: 'addresses.write',
      ...weighty,
      params: z.strictObject({ id: BlockId }),
      status: 204,
      problems: [problems.blockNotFound, ...ofWeighty],
      examples: { params: { id: exampleBlock.id } },
      handler: (ctx, { params }) => liftBlock(ctx, lists(), params.id),
    }),
  ]
}
