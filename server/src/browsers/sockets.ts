import { allows } from '#access/index.ts'
import { actsAsAnother, type Context } from '#kernel/context.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import type { RawRoute, SocketRequest } from '#kernel/sockets.ts'
import { cdpActor, readCdpQuery } from './cdp-query.ts'
import { createSession } from './create.ts'
import { checkProxy } from './egress-proxy.ts'
import { holderOf, mayForce, onNode, reachesTunnels } from './locate.ts'
import type { CdpPolicy, SocketGrant } from './node/session-node.ts'
import { problems } from './problems.ts'
import type { BrowserRuntime } from './runtime.ts'
import { SessionId } from './schema.ts'
import { endSession } from './service.ts'
import { accountOf, cutWhenRefused, demand, sameRight } from './socket-credential.ts'
import { ownerOf } from './spec.ts'
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
/** Soon after its start the first client of a session comes; its URLs cannot have been revoked for longer than this. */
const FRESH_MS = 4_000

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
      needs: ['sessions.write'],
      admitTimeoutMs: NEW_SESSION_MS,
    },
    route('/cdp/', 'CDP of a session', (ctx, request) =>
      admitByUrl(ctx, runtime(), request, 'cdp'),
    ),
    route('/live/', 'Live view of a session', (ctx, request) =>
      admitByUrl(ctx, runtime(), request, 'live'),
    ),
    ...['/api/v1/sessions/', '/v1/sessions/'].map((path) => ({
      ...route(path, 'Live view of a session, with a credential', (ctx, request) =>
        admitLive(ctx, runtime(), request),
      ),
      needs: ['sessions.read'],
    })),
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

/** `/cdp/{sessionId}/{secret}` and `/live/{sessionId}/{secret}`. @throws as `sessionByUrl` */
async function admitByUrl(
  ctx: Context,
  runtime: BrowserRuntime,
  { url }: SocketRequest,
  kind: 'cdp' | 'live',
): Promise<Admitted> {
  const [, , id = '', secret = '', ...rest] = url.pathname.split('/')
  const asked = { kind, id, secret: rest.length === 0 ? secret : '' }
  const found = startedHere(ctx, runtime, asked) ?? (await sessionByUrl(ctx, runtime, asked))
  const { session, purpose } = found
  const acting = ctx.with({ accountId: session.accountId, signal: new AbortController().signal })
  return { ctx: acting, sessionId: id, grant: grantOf(purpose, session, acting.newId('con')) }
}

interface AskedUrl {
  kind: 'cdp' | 'live'
  id: string
  secret: string
}

/**
 * As `sessionByUrl`, of a session that this process has started a moment ago and that still lives here. Later on its row is asked: another
 * process may have revoked the URL without being able to tell this one.
 */
function startedHere({ clock }: Context, { own, urls }: BrowserRuntime, asked: AskedUrl) {
  const session = own?.get(asked.id)
  if (!session) return undefined
  const { accountId, generation } = session.spec
  const userId = ownerOf(session.spec)
  const isFresh = clock.now().getTime() < session.browser.startedAt.getTime() + FRESH_MS
  const purpose = isFresh && urls.read(asked.kind, asked.id, generation, asked.secret)
  return userId && purpose ? { session: { accountId, userId, generation }, purpose } : undefined
}

/** The session that a capability URL opens, and what for. @throws problem `session.not_found`: a wrong secret finds nothing */
export async function sessionByUrl(
  ctx: Context,
  { urls }: BrowserRuntime,
  { kind, id, secret }: AskedUrl,
): Promise<{ session: SessionRow; purpose: UrlPurpose }> {
  const session = await findSession(ctx, id)
  const purpose = session && urls.read(kind, id, session.generation, secret)
  if (!session || !purpose) throw problems.notFound({ id: SessionId.safeParse(id).data ?? '' })
  return { session, purpose }
}

function grantOf(
  purpose: UrlPurpose,
  { generation, userId }: Pick<SessionRow, 'generation' | 'userId'>,
  connection: string,
): SocketGrant {
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
  const mayDrive = !actsAsAnother(ctx.actor) || !reachesTunnels(session)
  const mayControl = mayDrive && allows(ctx.actor, 'sessions.write')
  const { generation } = session
  const rights = { mayControl, mayForce: mayControl && mayForce(ctx.actor) }
  const grant: SocketGrant = { kind: 'live', holder: holderOf(ctx.actor), ...rights, generation }
  const needed = mayControl ? ['sessions.read', 'sessions.write'] : ['sessions.read']
  const account = headers['gantry-account']
  const ask = () => runtime.authenticate(headers.authorization, ip, account)
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
  const ask = () => cdpActor(runtime, apiKey, { headers, ip })
  const actor = await ask()
  demand(actor, 'sessions.write')
  const ctx = given.with({ actor, accountId: accountOf(actor) })
  const input = { ...readCdpQuery(query), wait: true }
  await checkProxy(runtime, input, 'query.proxy')
  const session = await createSession(ctx, runtime, input)
  const { id: sessionId, generation } = session
  const grant: SocketGrant = { kind: 'cdp', policy: 'driver', holder: holderOf(actor), generation }
  const stillMay = sameRight(ctx, ['sessions.write'], ask)
  return { ctx: withoutDeadline(ctx), sessionId, grant, ownsSession: true, stillMay }
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
