import { z } from 'zod'
import { type AnyRoute, Reply, route } from '#kernel/http/route.ts'
import { NewEndpoint, PatchEndpoint, TunnelEndpoint } from './endpoint-schema.ts'
import { addEndpoint, listEndpoints, patchEndpoint, removeEndpoint } from './endpoints.ts'
import { ENDPOINT_ID, endpointExample, ID } from './examples.ts'
import type { Running } from './parts.ts'
import { problems } from './problems.ts'
import { TunnelParams } from './schema.ts'

const path = '/v1/tunnels/:id/endpoints'
const params = TunnelParams.extend({ endpointId: z.string().max(64) })
const example = { id: ID, endpointId: ENDPOINT_ID }

/** Where a tunnel leads. */
export function endpointRoutes(running: Running): AnyRoute[] {
  return [
    route({
      ...{ method: 'GET', path, access: 'tunnels.read', params: TunnelParams },
      summary: 'List where a tunnel leads, in the order in which it is taken',
      returns: z.strictObject({ items: z.array(TunnelEndpoint) }),
      problems: [problems.notFound],
      examples: { params: { id: ID }, reply: { items: [endpointExample] } },
      handler: async (ctx, { params }) => ({
        items: await listEndpoints(ctx, running(), params.id),
      }),
    }),
    route({
      ...{ method: 'POST', path, access: 'tunnels.write', params: TunnelParams, status: 201 },
      summary: 'Let a tunnel lead to one more place',
      body: NewEndpoint,
      returns: TunnelEndpoint,
      problems: [
        ...[problems.notFound, problems.tooManyEndpoints],
        ...[problems.kindMismatch, problems.endpointExists],
      ],
      examples: {
        params: { id: ID },
        body: { url: 'http://127.0.0.1:3000', agent: 'laptop' },
        reply: endpointExample,
      },
      handler: async (ctx, { params, body }) =>
        Reply.json(await addEndpoint(ctx, running(), params.id, body), { status: 201 }),
    }),
    route({
      ...{ method: 'PATCH', path: `${path}/:endpointId`, access: 'tunnels.write', params },
      summary: 'Change where a tunnel leads, or how much of its traffic goes there',
      body: PatchEndpoint,
      returns: TunnelEndpoint,
      problems: [
        ...[problems.notFound, problems.endpointNotFound],
        ...[problems.kindMismatch, problems.endpointExists],
      ],
      examples: { params: example, body: { priority: 1 }, reply: endpointExample },
      handler: (ctx, { params, body }) => patchEndpoint(ctx, running(), params, body),
    }),
    route({
      ...{ method: 'DELETE', path: `${path}/:endpointId`, access: 'tunnels.write', params },
      summary: 'Let a tunnel lead there no more',
      problems: [problems.notFound, problems.endpointNotFound],
      examples: { params: example },
      handler: (ctx, { params }) => removeEndpoint(ctx, running(), params),
    }),
  ]
}
