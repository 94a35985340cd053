import { z } from 'zod'
import { PageQuery } from '#kernel/http/cursor.ts'
import { type RequestFacts, route } from '#kernel/http/route.ts'
import { clientOf } from '../client.ts'
import { problems } from '../problems.ts'
import { requireStepUp } from '../step-up.ts'
import type { Tools } from '../tools.ts'
import { exampleKey, exampleNewKey } from './examples.ts'
import { presentKey, presentMade } from './present.ts'
import { keyProblems } from './problems.ts'
import { rotateKey } from './rotate.ts'
import { ApiKey, ApiKeyPage, CreateApiKey, KeyId, NewApiKey, RotateApiKey } from './schema.ts'
import { createKey, getKey, listKeys, revokeKey, type Showing } from './service.ts'
import { showKeyAgain } from './show-again.ts'

const params = z.strictObject({ id: KeyId })

export function keyRoutes(tools: () => Tools) {
  const idempotent = {
    resourceId: (reply: unknown) => (reply as NewApiKey).id,
    replay: async (ctx: Parameters<typeof showKeyAgain>[1], id: string) =>
      presentMade(await showKeyAgain(tools(), ctx, id), ctx.clock.now()),
  }
  return [
    route({
      method: 'POST',
      path: '/v1/api-keys',
      summary: 'Make an API key',
      description:
        'The key acts for the account in your name, with what its scopes name and you may do yourself at that time. ' +
        'The answer shows it, and nothing shows it again; with an idempotency key the same request is answered alike for 10 minutes.',
      access: 'keys.write',
      admit: requireStepUp,
      body: CreateApiKey,
      returns: NewApiKey,
      status: 201,
      problems: [
        ...[keyProblems.notHeld, keyProblems.limitReached, keyProblems.shownBefore],
        ...[problems.stepUpRequired, problems.emailNotVerified, problems.httpsRequired],
      ],
      examples: {
        body: { name: exampleKey.name, scopes: exampleKey.scopes },
        reply: exampleNewKey,
      },
      idempotent,
      handler: async (ctx, { body, request }) =>
        presentMade(await createKey(tools(), ctx, body, showing(request)), ctx.clock.now()),
    }),
    route({
      method: 'GET',
      path: '/v1/api-keys',
      summary: 'List the API keys of the account, newest first',
      description: 'Keys that ended are listed for 90 days.',
      access: 'keys.read',
      query: PageQuery,
      returns: ApiKeyPage,
      examples: { query: { limit: 20 }, reply: { items: [exampleKey], nextCursor: null } },
      handler: async (ctx, { query }) => {
        const { rows, nextCursor } = await listKeys(ctx, query)
        return { items: rows.map((row) => presentKey(row, ctx.clock.now())), nextCursor }
      },
    }),
    route({
      method: 'GET',
      path: '/v1/api-keys/:id',
      summary: 'Show an API key, without its secret',
      access: 'keys.read',
      params,
      returns: ApiKey,
      problems: [keyProblems.notFound],
      examples: { params: { id: exampleKey.id }, reply: exampleKey },
      handler: async (ctx, { params }) => presentKey(await getKey(ctx, params.id), ctx.clock.now()),
    }),
    route({
      method: 'DELETE',
      path: '/v1/api-keys/:id',
      summary: 'Revoke an API key',
      description:
        'It counts nowhere any more after 5 seconds. Keys of others are revoked by whoever holds `keys.revoke`.',
      access: 'keys.write',
      params,
      status: 204,
      problems: [keyProblems.notFound, keyProblems.notYours],
      examples: { params: { id: exampleKey.id } },
      handler: (ctx, { params }) => revokeKey(tools(), ctx, params.id),
    }),
    route({
      method: 'POST',
      path: '/v1/api-keys/:id/rotate',
      summary: 'Replace an API key by a new one that can do the same',
      description:
        'The answer shows the new key, which counts at once; the old one counts beside it until the overlap ends. ' +
        'Only the person in whose name a key acts may rotate it.',
      access: 'keys.write',
      admit: requireStepUp,
      params,
      body: RotateApiKey,
      bodyOptional: true,
      returns: NewApiKey,
      status: 201,
      problems: [
        ...[keyProblems.notFound, keyProblems.notYours, keyProblems.wrongState],
        ...[keyProblems.limitReached, keyProblems.shownBefore],
        ...[problems.stepUpRequired, problems.httpsRequired],
      ],
      examples: {
        params: { id: exampleKey.id },
        body: { overlapSeconds: 3600 },
        reply: exampleNewKey,
      },
      idempotent,
      handler: async (ctx, { params, body, request }) => {
        const made = await rotateKey(tools(), ctx, params.id, body, showing(request))
        return presentMade(made, ctx.clock.now())
      },
    }),
  ]
}

/** @throws problem `auth.https_required` when others on the way could read the key */
function showing(request: RequestFacts): Showing {
  clientOf(request)
  return { again: request.headers['idempotency-key'] !== undefined }
}
