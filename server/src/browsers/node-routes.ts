import { z } from 'zod'
import { authenticateNode, fleetProblems } from '#fleet/index.ts'
import type { Context } from '#kernel/context.ts'
import { route } from '#kernel/http/route.ts'
import { problems } from './problems.ts'
import { storeSink } from './recordings.ts'
import { reconcileFacts } from './reconcile.ts'
import { takeReports } from './reports.ts'
import type { BrowserRuntime } from './runtime.ts'
import { ID } from './examples.ts'
import { SessionId } from './schema.ts'
import { END_REASONS, type EndReason } from './states.ts'
import { ROUTE_SECONDS, tunnelRoute } from './tunnel-route.ts'

const about = { sessionId: SessionId, accountId: z.string().max(64), atMs: z.int().min(0) }

const MOST_FACTS = 16 * 1024

const Report = z.discriminatedUnion('kind', [
  z.strictObject({
    ...about,
    kind: z.literal('ended'),
    reason: z.enum(Object.keys(END_REASONS) as [EndReason, ...EndReason[]]),
    message: z.string().max(4_000).optional(),
    wipe: z.strictObject({ processes: z.int(), directories: z.int(), sockets: z.int() }),
  }),
  z.strictObject({
    ...about,
    kind: z.literal('fact'),
    name: z.string().max(100),
    facts: z
      .record(z.string(), z.unknown())
      .refine(
        (facts) => JSON.stringify(facts).length <= MOST_FACTS,
        'must be at most 16 KiB of JSON',
      ),
  }),
])

const NodeReports = z
  .strictObject({
    entries: z
      .array(z.strictObject({ sequence: z.int().min(1), report: Report }))
      .max(100)
      .optional()
      .meta({ description: 'What has happened, in its order; sent again until it is taken' }),
    sessions: z
      .array(
        z.strictObject({
          id: SessionId,
          lastActivityMs: z.int().min(0),
          url: z.string().max(8_192).optional(),
          title: z.string().max(1_024).optional(),
        }),
      )
      .max(100)
      .optional()
      .meta({ description: 'Where its sessions are, as far as that has changed' }),
  })
  .meta({ id: 'NodeReports' })

const WantedTunnel = z
  .strictObject({ sessionId: SessionId, name: z.string().min(1).max(64) })
  .meta({ id: 'WantedTunnel' })

const TunnelRoute = z
  .strictObject({
    relayId: z.string(),
    internalUrl: z.string().meta({ description: 'Of a relay that has a link of the tunnel' }),
    fingerprint: z.string().meta({ description: 'SHA-256 of its certificate' }),
    token: z.string().meta({ description: 'Shown to the relay, within 60 s' }),
  })
  .meta({ id: 'TunnelRoute' })

const RecordingPart = z
  .strictObject({
    sessionId: SessionId,
    name: z.string().regex(/^[a-z]+(?:-\d{6})?(?:\.[a-z]+)+$/),
    base64: z.base64(),
  })
  .meta({ id: 'RecordingPart' })

const MAX_PART_BODY_BYTES = 48 * 1024 * 1024

/** What nodes tell of their sessions. */
export function nodeRoutes(runtime: () => BrowserRuntime) {
  return [
    route({
      method: 'POST',
      path: '/v1/node/reports',
      summary: 'Tell what became of the sessions of a node',
      access: { public: 'the credential of the node is checked' },
      body: NodeReports,
      problems: [fleetProblems.unauthenticated],
      examples: {
        body: { sessions: [{ id: ID, lastActivityMs: 1_795_000_000_000 }] },
      },
      handler: async (ctx, { body, request }) => {
        const { instanceId } = await authenticateNode(ctx, request.headers.authorization)
        await takeReports(ctx, instanceId, body.entries ?? [])
        await reconcileFacts(ctx, instanceId, body.sessions ?? [])
        if (body.entries?.length) runtime().onPlace()
      },
    }),
    route({
      method: 'POST',
      path: '/v1/node/tunnel-route',
      summary: 'Find the relay of a session’s tunnel',
      description: `The answer may be used for ${ROUTE_SECONDS} s.`,
      access: { public: 'the credential of the node is checked' },
      body: WantedTunnel,
      returns: TunnelRoute,
      problems: [fleetProblems.unauthenticated, problems.tunnelUnknown, problems.tunnelOffline],
      examples: {
        body: { sessionId: ID, name: 'shop' },
        reply: {
          ...{ relayId: 'rel_06f3k9w2m4qz7x8y1v5t0r6n3b', internalUrl: 'https://10.0.0.7:8703' },
          ...{
            fingerprint: Array(32).fill('AB').join(':'),
            token: 'eyJhbGciOiJFZERTQSJ9.e30.c2ln',
          },
        },
      },
      handler: async (ctx, { body, request }) => {
        const { instanceId } = await authenticateNode(ctx, request.headers.authorization)
        return tunnelRoute(ctx, runtime().routeOf, { instanceId, ...body })
      },
    }),
    route({
      method: 'POST',
      path: '/v1/node/recordings',
      summary: 'Keep a part of a session’s recording',
      access: { public: 'the credential of the node is checked' },
      body: RecordingPart,
      bodyLimit: MAX_PART_BODY_BYTES,
      admit: (ctx, { headers }) => authenticateNode(ctx, headers.authorization),
      problems: [fleetProblems.unauthenticated, problems.notFound],
      examples: { body: { sessionId: ID, name: 'manifest.json', base64: 'e30=' } },
      handler: async (ctx, { body, request }) => {
        const { instanceId } = await authenticateNode(ctx, request.headers.authorization)
        const { sessionId: id, name, base64 } = body
        const accountId = await accountOnNode(ctx, instanceId, id)
        if (!accountId) throw problems.notFound({ id })
        await storeSink(runtime().store, accountId, id).write(name, Buffer.from(base64, 'base64'))
      },
    }),
  ]
}

/** The account of a session that this node records, or has recorded. */
async function accountOnNode(
  ctx: Context,
  instanceId: string,
  sessionId: string,
): Promise<string | undefined> {
  const row = await ctx.db
    .selectFrom('browserSessions')
    .select('accountId')
    .where('id', '=', sessionId)
    .where('instanceId', '=', instanceId)
    // What was tidied away does not come back.
    .where('recording', 'is not', null)
    .executeTakeFirst()
  return row?.accountId
}
