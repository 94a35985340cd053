import { z } from 'zod'
import { MOST_ENTRIES, notePorts, takeUsage, UsageEntry } from '#tunnels/index.ts'
import type { Context } from '#kernel/context.ts'
import { type AnyRoute, type RequestFacts, route } from '#kernel/http/route.ts'
import { beat, leave } from './beats.ts'
import {
  configExample,
  factsExample,
  FINGERPRINT,
  ID,
  LINK_ID,
  publicKeys,
  TIME,
  TUNNEL_ID,
} from './examples.ts'
import { joinRelay } from './join.ts'
import { watch } from './news.ts'
import type { Running } from './parts.ts'
import { problems } from './problems.ts'
import {
  BeatRelay,
  JoinedRelay,
  JoinRelay,
  LeaveRelay,
  linkId,
  RelayBeatAnswer,
} from './relay-schema.ts'
import { authenticateRelay, isEnded } from './relays.ts'
import { RelayConfig } from './schema.ts'
import { closeLink, find, openLink, reportHealth } from './service.ts'
import type { RelayRow } from './tables.ts'

const OPEN = { public: 'the credential of the relay is checked' } as const
const WATCH_TIMEOUT_MS = 30_000
/** All links of a large relay, or the tunnels that it watches. */
const LARGE_BODY_BYTES = 4 * 1024 * 1024
const MOST_WATCHED = 100_000

type Handling<Input> = (ctx: Context, relay: RelayRow, input: Input) => Promise<unknown>

/** Lets the relay in whose credential is shown, and acts for the product from there on. */
function asRelay<Input>(handling: Handling<Input>) {
  return asLeaver<Input>(async (ctx, relay, body) => {
    if (isEnded(relay)) throw problems.unauthenticated()
    return handling(ctx, relay, body)
  })
}

/** Also one that was ended: it may have something left to tell. */
function asLeaver<Input>(handling: Handling<Input>) {
  return async (ctx: Context, { body, request }: { body: Input; request: RequestFacts }) => {
    const relay = await authenticateRelay(ctx, request.headers.authorization)
    const actor = { kind: 'system', name: 'relay' } as const
    return (await handling(ctx.with({ actor }), relay, body)) as never
  }
}

/** Nobody who is no relay has their body read. */
const admit = (ctx: Context, { headers }: RequestFacts) =>
  authenticateRelay(ctx, headers.authorization)

const id = z.string().regex(/^\w{1,64}$/)
const spec = z.record(z.string(), z.unknown()).meta({ description: 'A tunnel, as relays know it' })
/** A relay of another version may have left others on its disk: each is judged alone. */
const toldEntry = z.record(z.string(), z.unknown()).meta({
  description: `What was counted since the entry before, of one tunnel by one endpoint: ${Object.keys(UsageEntry.shape).join(', ')}`,
})
const peer = z.strictObject({
  relayId: z.string(),
  internalUrl: z.string(),
  fingerprint: z.string(),
})

/** What relays call that run alone. Their credential is their own and no access token: it opens these routes and nothing else. */
export function toldRoutes(running: Running): AnyRoute[] {
  return [...lifeRoutes(running), ...linkRoutes(running), ...newsRoutes(running)]
}

function lifeRoutes(running: Running): AnyRoute[] {
  return [
    route({
      method: 'POST',
      path: '/v1/relay/join',
      summary: 'Join as a relay, with a join token',
      access: { public: 'the join token in the body is checked' },
      body: JoinRelay,
      returns: JoinedRelay,
      status: 201,
      problems: [problems.joinRefused, problems.ended, problems.alreadyJoined],
      examples: {
        body: {
          ...{ token: 'join_J8yVj2b7o1nUj0rC6kq3ZQv7xv9C1u5h2Y0sW8tNfRb', version: '0.1.0' },
          ...{ url: 'https://relay-1.example.com', internalUrl: 'https://10.0.4.12:8710' },
          fingerprint: FINGERPRINT,
        },
        reply: {
          ...{ relayId: ID, publicKeys },
          credential: 'relay_J8yVj2b7o1nUj0rC6kq3ZQv7xv9C1u5h2Y0sW8tNfRb',
        },
      },
      handler: (ctx, { body }) => joinRelay(ctx, running(), body),
    }),
    route({
      method: 'POST',
      path: '/v1/relay/beat',
      summary: 'Tell how a relay is, and hear what it has to do',
      description:
        'Every 5 seconds, with the credential of the join as the bearer token. A relay that is silent for 30 seconds is gone: its links are closed in the books.',
      ...{ access: OPEN, admit, bodyLimit: LARGE_BODY_BYTES },
      body: BeatRelay,
      returns: RelayBeatAnswer,
      problems: [problems.unauthenticated],
      examples: {
        body: { sequence: 17, facts: factsExample, links: [LINK_ID] },
        reply: { sequence: 17, drop: [], tellLinks: false, peers: 1, beatSeconds: 5, publicKeys },
      },
      handler: asRelay((ctx, relay, body) => beat(ctx, running(), relay, body)),
    }),
    route({
      method: 'POST',
      path: '/v1/relay/leave',
      summary: 'Leave as a relay, at once and in order',
      access: OPEN,
      body: LeaveRelay,
      problems: [problems.unauthenticated],
      examples: { body: { sequence: 18 } },
      handler: asLeaver((ctx, relay, { sequence }) => leave(ctx, running(), relay, sequence)),
    }),
  ]
}

function linkRoutes(running: Running): AnyRoute[] {
  return [
    route({
      method: 'POST',
      path: '/v1/relay/links',
      summary: 'Take a link of an agent into the books',
      access: OPEN,
      body: z.strictObject({
        linkId,
        ticket: z.string().max(2_048),
        agentVersion: z.string().max(64),
        ipAddress: z.string().max(64),
      }),
      returns: z.strictObject({
        runId: z.string(),
        label: z.string(),
        tunnels: z.array(z.strictObject({ spec, epoch: z.int(), url: z.string() })),
        refused: z.array(
          z.strictObject({ tunnelId: z.string(), code: z.string(), detail: z.string() }),
        ),
      }),
      problems: [problems.unauthenticated, problems.ticketRefused],
      examples: {
        body: {
          ...{ linkId: LINK_ID, ticket: 'eyJhbGciOiJFZERTQSJ9…', agentVersion: '0.1.0' },
          ipAddress: '192.0.2.7',
        },
        reply: {
          runId: 'tar_06f3k9w2m4qz7x8y1v5t0r6n3b',
          label: 'laptop',
          tunnels: [],
          refused: [],
        },
      },
      handler: asRelay((ctx, relay, body) => openLink(ctx, running(), relay, body)),
    }),
    route({
      method: 'POST',
      path: '/v1/relay/links/close',
      summary: 'Strike a link out of the books',
      access: OPEN,
      body: z.strictObject({ linkId }),
      problems: [problems.unauthenticated],
      examples: { body: { linkId: LINK_ID } },
      handler: asLeaver((ctx, relay, body) => closeLink(ctx, relay, body.linkId)),
    }),
    route({
      method: 'POST',
      path: '/v1/relay/find',
      summary: 'Find the tunnel of a hostname or a port, and the relays that have a link of it',
      access: OPEN,
      body: z.union([
        z.strictObject({ hostname: z.string().min(1).max(253) }),
        z.strictObject({ port: z.int().min(1).max(65_535) }),
        z.strictObject({ tunnelId: id }),
      ]),
      returns: z.strictObject({
        found: z.strictObject({ spec, url: z.string(), relays: z.array(peer) }).optional(),
      }),
      problems: [problems.unauthenticated],
      examples: { body: { hostname: 'shop.localhost' }, reply: {} },
      handler: asRelay(async (ctx, relay, body) => {
        const found = await find(ctx, running(), relay, body)
        return found ? { found } : {}
      }),
    }),
  ]
}

function newsRoutes(running: Running): AnyRoute[] {
  return [
    route({
      method: 'POST',
      path: '/v1/relay/watch',
      summary: 'Wait for news of tunnels, peers and configuration, 20 seconds at most',
      ...{ access: OPEN, admit, bodyLimit: LARGE_BODY_BYTES },
      timeoutMs: () => WATCH_TIMEOUT_MS,
      body: z.strictObject({
        after: z.string().max(100).optional().meta({
          description: 'Of the answer before; without it all specs are told at once',
        }),
        tunnelIds: z.array(id).max(MOST_WATCHED),
      }),
      returns: z.strictObject({
        after: z.string(),
        specs: z.array(spec),
        gone: z.array(z.string()),
        peers: z.array(peer),
        dialable: z.array(z.string()),
        ports: z.array(z.int()),
        peerToken: z.string(),
        drain: z.boolean(),
        config: RelayConfig,
      }),
      problems: [problems.unauthenticated],
      examples: {
        body: { tunnelIds: [TUNNEL_ID] },
        reply: {
          ...{ after: '17 3q2-7wAAAAB0ZXN0', specs: [], gone: [], peers: [], ports: [20_001] },
          dialable: ['rel_01k9zq4m8x2v7c5b3n1d6f8g9h 1782129600000'],
          drain: false,
          ...{ peerToken: 'eyJhbGciOiJFZERTQSJ9…', config: configExample },
        },
      },
      handler: asRelay((ctx, relay, body) => watch(ctx, running(), relay, body)),
    }),
    route({
      method: 'POST',
      path: '/v1/relay/health',
      summary: 'Tell how agents found the services behind endpoints',
      access: OPEN,
      body: z.strictObject({
        reports: z
          .array(
            z.strictObject({
              ...{ endpointId: id, tunnelId: id, status: z.enum(['healthy', 'unhealthy']) },
              ...{ message: z.string().max(1_000).optional(), at: z.iso.datetime() },
            }),
          )
          .max(1_000),
      }),
      problems: [problems.unauthenticated],
      examples: {
        body: {
          reports: [
            {
              ...{ endpointId: 'end_06f3k9w2m4qz7x8y1v5t0r6n3b', tunnelId: TUNNEL_ID },
              ...{ status: 'unhealthy', message: 'connection refused', at: TIME },
            },
          ],
        },
      },
      handler: asRelay((ctx, _relay, { reports }) => reportHealth(ctx, reports)),
    }),
    route({
      method: 'POST',
      path: '/v1/relay/ports',
      summary: 'Tell which ports of tunnels a relay cannot open, or has after all',
      access: OPEN,
      body: z.strictObject({
        reports: z
          .array(z.strictObject({ tunnelId: id, error: z.string().max(1_000).optional() }))
          .max(1_000),
      }),
      problems: [problems.unauthenticated],
      examples: {
        body: { reports: [{ tunnelId: TUNNEL_ID, error: 'Port 20000 is in use on the relay.' }] },
      },
      handler: asRelay((ctx, relay, { reports }) => notePorts(ctx, relay.id, reports)),
    }),
    route({
      method: 'POST',
      path: '/v1/relay/usage',
      summary: 'Tell what tunnels have carried',
      description:
        'An entry counts once, however often it is told. One that names no tunnel, or is no count, is passed over: it keeps back no other.',
      access: OPEN,
      body: z.strictObject({
        journal: z.string().regex(/^[\w-]{1,64}$/),
        entries: z.array(toldEntry).max(MOST_ENTRIES),
      }),
      returns: z.strictObject({ upTo: z.int() }),
      problems: [problems.unauthenticated],
      examples: { body: { journal: 'b7k2', entries: [] }, reply: { upTo: 0 } },
      handler: asLeaver((ctx, relay, { journal, entries }) => {
        const told = entries as unknown as UsageEntry[]
        return takeUsage(ctx, relay.id, journal, told, running().tunnels.counted)
      }),
    }),
  ]
}
