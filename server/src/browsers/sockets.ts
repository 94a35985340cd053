import { z } from 'zod'
import { allows } from '#access/index.ts'
import type { Context } from '#kernel/context.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import type { FieldError } from '#kernel/problem.ts'
import type { RawRoute, SocketRequest } from '#kernel/sockets.ts'
import { createSession } from './create.ts'
import { holderOf, mayForce, onNode } from './locate.ts'
import type { CdpPolicy, SocketGrant } from './node/session-node.ts'
import { problems } from './problems.ts'
import type { BrowserRuntime } from './runtime.ts'
import { CreateSession, SessionId } from './schema.ts'
import { endSession } from './service.ts'
import { accountOf, cutWhenRefused, demand, sameRight } from './socket-credential.ts'
import type { SessionRow } from './tables.ts'
import type { UrlPurpose } from './urls.ts'

/** What an admitted socket is for. */
interface Admitted {
  sessionId: string
  /** Acts for the session's account. */
  ctx: Context
  grant: SocketGrant
  /** The session was made for this socket and ends with it. */
  ownsSession?: boolean
  /** Asks again whether the credential counts, for one that was let in by it. @throws Problem when it does no more */
  stillMay?: () => Promise<void>
}

/** As long as a create may take. */
const NEW_SESSION_MS = 110_000
/** CDP and the live view, by capability URL or with a credential. */
export function sockets(runtime: () => BrowserRuntime): RawRoute<Admitted>[] {
  const route = (
    path: string,
    summary: string,
    admit: (ctx: Context, request: SocketRequest) => Promise<Admitted>,
  ): RawRoute<Admitted> => ({
    ...{ path, summary, admit },
    take: (_ctx, upgrade, admitted) => serve(runtime(), upgrade, admitted),
  })
  return [
    {
      ...route(
        '/cdp',
        'CDP of a new browser, for as long as the connection lasts',
        (ctx, request) => admitNew(ctx, runtime(), request),
      ),
      admitTimeoutMs: NEW_SESSION_MS,
    },
    route('/cdp/', 'CDP of a session', (ctx, request) =>
      admitByUrl(ctx, runtime(), request, 'cdp'),
    ),
    route('/live/', 'Live view of a session', (ctx, request) =>
      admitByUrl(ctx, runtime(), request, 'live'),
    ),
    ...['/api/v1/sessions/', '/v1/sessions/'].map((path) =>
      route(path, 'Live view of a session, with a credential', (ctx, request) =>
        admitLive(ctx, runtime(), request),
      ),
    ),
  ]
}

async function serve(
  runtime: BrowserRuntime,
  upgrade: Parameters<RawRoute['take']>[1],
  { ctx, sessionId, grant, ownsSession, stillMay }: Admitted,
) {
  const end = () =>
    void endSession(ctx, runtime, sessionId, 'disconnected').catch((error: unknown) => {
      ctx.log.error({ err: error, session: sessionId }, 'a session did not end with its socket')
    })
  try {
    const socket = await onNode(ctx, runtime, sessionId, (node) =>
      node.connect(sessionId, upgrade, grant),
    )
    if (ownsSession) void socket.closed.then(end, end)
    if (stillMay) cutWhenRefused(ctx, socket, stillMay)
    return socket
  } catch (error) {
    if (ownsSession) end()
    throw error
  }
}

/** `/cdp/{sessionId}/{secret}` and `/live/{sessionId}/{secret}`. @throws problem `session.not_found`: a wrong secret finds nothing */
async function admitByUrl(
  ctx: Context,
  runtime: BrowserRuntime,
  { url }: SocketRequest,
  kind: 'cdp' | 'live',
): Promise<Admitted> {
  const [, , id = '', secret = '', ...rest] = url.pathname.split('/')
  const session = rest.length === 0 ? await findSession(ctx, id) : undefined
  const purpose = session && runtime.urls.read(kind, id, session.generation, secret)
  if (!session || !purpose) throw problems.notFound({ id: SessionId.safeParse(id).data ?? '' })
  const acting = ctx.with({ accountId: session.accountId, signal: new AbortController().signal })
  return { ctx: acting, sessionId: id, grant: grantOf(purpose, session, acting.newId('con')) }
}

function grantOf(purpose: UrlPurpose, session: SessionRow, connection: string): SocketGrant {
  const { generation, userId } = session
  const [kind, what] = purpose.split(':') as [string, string]
  if (kind === 'cdp') {
    const holder = { kind: 'program', id: userId } as const
    return { kind: 'cdp', policy: what as CdpPolicy, holder, generation }
  }
  const holder = { kind: 'person', id: connection } as const
  return { kind: 'live', holder, mayControl: what === 'control', mayForce: false, generation }
}

/** `/sessions/{id}/live` with the caller's own rights. */
async function admitLive(
  ctx: Context,
  runtime: BrowserRuntime,
  { url, headers, ip }: SocketRequest,
): Promise<Admitted> {
  const id = /\/sessions\/([^/]+)\/live$/.exec(url.pathname)?.[1]
  if (!id) throw httpProblems.notFound({ method: 'GET', path: url.pathname })
  demand(ctx.actor, 'sessions.read')
  const session = await findSession(ctx, id)
  if (session?.accountId !== ctx.accountId) throw problems.notFound({ id })
  const mayControl = allows(ctx.actor, 'sessions.write')
  const { generation } = session
  const rights = { mayControl, mayForce: mayControl && mayForce(ctx.actor) }
  const grant: SocketGrant = { kind: 'live', holder: holderOf(ctx.actor), ...rights, generation }
  const needed = mayControl ? ['sessions.read', 'sessions.write'] : ['sessions.read']
  const ask = () => runtime.authenticate(headers.authorization, ip)
  const stillMay = sameRight(ctx, needed, ask)
  return { ctx: withoutDeadline(ctx), sessionId: id, grant, stillMay }
}

/** `/cdp?apiKey=…`, or with an Authorization header; the other parameters are those of a session. */
async function admitNew(
  given: Context,
  runtime: BrowserRuntime,
  { url, headers, ip }: SocketRequest,
): Promise<Admitted> {
  const { apiKey, ...query } = Object.fromEntries(url.searchParams)
  const ask = () =>
    apiKey === undefined
      ? runtime.authenticate(headers.authorization, ip)
      : runtime.keyHolder(apiKey, ip)
  const actor = await ask()
  demand(actor, 'sessions.write')
  const ctx = given.with({ actor, accountId: accountOf(actor) })
  const input = { ...readQuery(query), wait: true }
  const session = await createSession(ctx, runtime, input)
  const { id: sessionId, generation } = session
  const grant: SocketGrant = { kind: 'cdp', policy: 'driver', holder: holderOf(actor), generation }
  const stillMay = sameRight(ctx, ['sessions.write'], ask)
  return { ctx: withoutDeadline(ctx), sessionId, grant, ownsSession: true, stillMay }
}

/** Numbers and objects of a session, as a query spells them. */
const NewSessionQuery = z.strictObject({
  timeoutSeconds: z.coerce.number().optional(),
  idleTimeoutSeconds: z.coerce.number().optional(),
  userAgent: z.string().optional(),
  locale: z.string().optional(),
  timezone: z.string().optional(),
  width: z.coerce.number().optional(),
  height: z.coerce.number().optional(),
  proxy: z.string().optional(),
})

/** @throws problem `request.invalid` that names each parameter that does not count */
function readQuery(query: Record<string, string>): CreateSession {
  const { width, height, proxy, ...rest } = checked(NewSessionQuery, query)
  const viewport = (width ?? height) === undefined ? undefined : { width, height }
  return checked(CreateSession, {
    ...rest,
    ...(viewport && { viewport }),
    ...(proxy !== undefined && { egress: { proxy } }),
  })
}

function checked<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const { data, error } = schema.safeParse(value)
  if (!error) return data
  const errors = error.issues.map(({ path, message }): FieldError => ({
    path: ['query', ...path].join('.'),
    message,
  }))
  throw httpProblems.invalid({ errors })
}

/** What is admitted lives longer than its admission may take. */
function withoutDeadline(ctx: Context): Context {
  return ctx.with({ signal: new AbortController().signal })
}

/** Of any account: who asks has yet to show that they may. */
async function findSession(ctx: Context, id: string): Promise<SessionRow | undefined> {
  if (!SessionId.safeParse(id).success) return undefined
  return ctx.db.selectFrom('browserSessions').selectAll().where('id', '=', id).executeTakeFirst()
}
