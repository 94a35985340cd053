import { z } from 'zod'
import { type AnyRoute, route } from '#kernel/http/route.ts'
import {
  NODE_ID,
  nodeExample,
  poolExample,
  settingsExample,
  TOKEN,
  tokenExample,
} from './examples.ts'
import { createJoinToken, deleteJoinToken, listJoinTokens } from './join-tokens.ts'
import { drainNode, undrainNode } from './drains.ts'
import { listNodes } from './nodes.ts'
import type { Running } from './parts.ts'
import { putPool, showPool } from './pool.ts'
import { presentNode, presentToken } from './present.ts'
import { problems } from './problems.ts'
import { AnyId, CreateJoinToken, JoinToken, Node, Pool, PutPool } from './schema.ts'

const params = z.strictObject({ id: AnyId })

export function poolRoutes(running: Running): AnyRoute[] {
  return [...settingsRoutes(running), ...nodesRoutes, ...tokenRoutes]
}

const settingsRoutes = (running: Running) => [
  route({
    method: 'GET',
    path: '/v1/fleet/pool',
    summary: 'Show what the pool should be, and what it is',
    access: 'fleet.read',
    returns: Pool,
    examples: { reply: poolExample },
    handler: (ctx) => showPool(ctx),
  }),
  route({
    method: 'PUT',
    path: '/v1/fleet/pool',
    summary: 'Change what the pool should be',
    description: 'With `version`, the change is refused when somebody else was faster.',
    access: 'fleet.write',
    body: PutPool,
    returns: Pool,
    problems: [problems.poolChanged, problems.providerMissing, problems.unknownRegion],
    examples: { body: settingsExample, reply: poolExample },
    handler: (ctx, { body }) => putPool(ctx, running(), body),
  }),
]

const nodesRoutes = [
  route({
    method: 'GET',
    path: '/v1/fleet/nodes',
    summary: 'List the nodes of the machines that are there',
    access: 'fleet.read',
    returns: z.strictObject({ items: z.array(Node) }),
    examples: { reply: { items: [nodeExample] } },
    handler: async (ctx) => ({ items: (await listNodes(ctx)).map(presentNode) }),
  }),
  route({
    method: 'POST',
    path: '/v1/fleet/nodes/:id/drain',
    summary: 'Let a node take no new sessions; the open ones go on',
    access: 'fleet.write',
    params,
    returns: Node,
    problems: [problems.nodeNotFound],
    examples: {
      params: { id: NODE_ID },
      reply: { ...nodeExample, status: 'draining', drainReason: 'asked', free: 0 },
    },
    handler: async (ctx, { params }) => presentNode(await drainNode(ctx, params.id, 'asked')),
  }),
  route({
    method: 'DELETE',
    path: '/v1/fleet/nodes/:id/drain',
    summary: 'Let a node take sessions again',
    access: 'fleet.write',
    params,
    returns: Node,
    problems: [problems.nodeNotFound],
    examples: { params: { id: NODE_ID }, reply: nodeExample },
    handler: async (ctx, { params }) => presentNode(await undrainNode(ctx, params.id)),
  }),
]

const tokenRoutes = [
  route({
    method: 'GET',
    path: '/v1/fleet/join-tokens',
    summary: 'List the join tokens that are good',
    access: 'fleet.read',
    returns: z.strictObject({ items: z.array(JoinToken) }),
    examples: { reply: { items: [tokenExample] } },
    handler: async (ctx) => ({ items: (await listJoinTokens(ctx)).map(presentToken) }),
  }),
  route({
    method: 'POST',
    path: '/v1/fleet/join-tokens',
    summary: 'Make a token with which a machine joins',
    access: 'fleet.write',
    body: CreateJoinToken,
    returns: JoinToken,
    status: 201,
    examples: { body: { name: 'rack 4' }, reply: { ...tokenExample, token: TOKEN } },
    handler: async (ctx, { body }) => {
      const { row, token } = await createJoinToken(ctx, body)
      return { ...presentToken(row), token }
    },
  }),
  route({
    method: 'DELETE',
    path: '/v1/fleet/join-tokens/:id',
    summary: 'Let nobody join with this token any more',
    access: 'fleet.write',
    params,
    problems: [problems.tokenNotFound],
    examples: { params: { id: tokenExample.id } },
    handler: (ctx, { params }) => deleteJoinToken(ctx, params.id),
  }),
]
