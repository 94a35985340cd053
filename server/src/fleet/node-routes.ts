import { type AnyRoute, route } from '#kernel/http/route.ts'
import { ID, NODE_ID, nodeExample, TOKEN } from './examples.ts'
import { joinNode } from './join.ts'
import type { FleetJobs } from './job-kinds.ts'
import { leaveFleet } from './leave.ts'
import { BeatAnswer, BeatRequest, Joined, JoinRequest, LeaveRequest } from './node-schema.ts'
import { authenticateNode, beat } from './nodes.ts'
import type { Running } from './parts.ts'
import { problems } from './problems.ts'

const publicKeys = [
  { kty: 'OKP', crv: 'Ed25519', kid: 'k1', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' },
]
const facts = { capacity: 20, sessions: 1, version: '0.1.0', draining: false, spotNotice: false }

/** What nodes call. Their credential is their own and no access token: it opens these routes and nothing else. */
export function nodeRoutes(running: Running, jobs: FleetJobs): AnyRoute[] {
  return [
    route({
      method: 'POST',
      path: '/v1/node/join',
      summary: 'Join the fleet with a join token',
      access: { public: 'the join token in the body is checked' },
      body: JoinRequest,
      returns: Joined,
      status: 201,
      problems: [problems.joinRefused, problems.ended, problems.alreadyJoined],
      examples: {
        body: {
          ...{ token: TOKEN, url: nodeExample.url, fingerprint: nodeExample.fingerprint, facts },
          machine: { provider: 'local', id: 'rack4-17' },
        },
        reply: {
          ...{ nodeId: NODE_ID, instanceId: ID, publicKeys },
          credential: 'node_J8yVj2b7o1nUj0rC6kq3ZQv7xv9C1u5h2Y0sW8tNfRb',
        },
      },
      handler: (ctx, { body }) => joinNode(ctx, running(), body),
    }),
    route({
      method: 'POST',
      path: '/v1/node/beat',
      summary: 'Tell how a node is, and hear what it has to do',
      description:
        'Every 5 seconds, with the credential of the join as the bearer token. A node that is silent for 30 seconds is gone and its sessions are lost.',
      access: { public: 'the credential of the node is checked' },
      body: BeatRequest,
      returns: BeatAnswer,
      problems: [problems.unauthenticated],
      examples: {
        body: { sequence: 17, facts, sessions: ['ses_06f3k9w2m4qz7x8y1v5t0r6n3b'] },
        reply: {
          ...{ sequence: 17, end: [], generations: {}, drain: false },
          ...{ beatSeconds: 5, publicKeys },
        },
      },
      handler: async (ctx, { body, request }) => {
        const node = await authenticateNode(ctx, request.headers.authorization)
        return beat(ctx, running(), node, body)
      },
    }),
    route({
      method: 'POST',
      path: '/v1/node/leave',
      summary: 'Leave the fleet, at once and in order',
      description:
        'With the credential of the join as the bearer token. What sessions it has left end as lost; a machine of the pool is ended. The node may come back with a beat until then.',
      access: { public: 'the credential of the node is checked' },
      body: LeaveRequest,
      bodyOptional: true,
      problems: [problems.unauthenticated],
      examples: { body: { sequence: 18 } },
      handler: async (ctx, { body, request }) => {
        const node = await authenticateNode(ctx, request.headers.authorization)
        await leaveFleet(ctx, jobs, node, body)
      },
    }),
  ]
}
