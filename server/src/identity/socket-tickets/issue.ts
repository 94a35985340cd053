import { sql } from 'kysely'
import { allows } from '#access/index.ts'
import type { Context } from '#kernel/context.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import type { ShownCredential } from '#kernel/socket-ticket.ts'
import { matches, type TicketedSocket } from '#kernel/sockets.ts'
import { socketTicketProblems as problems } from './problems.ts'
import type { SocketTicket } from './schema.ts'
import { digestOf, makeTicket, plainPath, sealCredential } from './ticket.ts'

const LIFE_MS = 30_000
/** Of one person, whatever they have shown. */
const MAX_OPEN = 20

/**
 * A ticket that stands for what its maker has shown, once and at this path. It grants nothing by itself: what it stands for has to count
 * when it is used, and for as long as the socket is open.
 *
 * @throws problem `auth.no_such_socket`, `auth.forbidden` or `auth.too_many_tickets`
 */
export async function issueTicket(
  ctx: Context,
  sockets: readonly TicketedSocket[],
  { path, shown }: { path: string; shown: ShownCredential },
): Promise<SocketTicket> {
  const { actor } = ctx
  if (!('userId' in actor)) throw httpProblems.unauthenticated()
  const plain = plainPath(path)
  demandSocket(ctx, sockets, plain)
  const ticket = makeTicket()
  const expiresAt = new Date(ctx.clock.now().getTime() + LIFE_MS)
  const sealedCredential = sealCredential(ticket, plain, shown)
  await ctx.transaction(async (ctx) => {
    await makeRoom(ctx, actor.userId)
    const row = { digest: digestOf(ticket)!, userId: actor.userId, path: plain, expiresAt }
    await ctx.db
      .insertInto('socketTickets')
      .values({ ...row, sealedCredential })
      .execute()
  })
  return { ticket, path, expiresAt: expiresAt.toISOString() }
}

function demandSocket({ actor }: Context, sockets: readonly TicketedSocket[], path: string): void {
  const socket = sockets.find((one) => matches(plainPath(one.path), path))
  if (!socket?.needs) throw problems.noSuchSocket()
  if (socket.needs.some((permission) => allows(actor, permission))) return
  throw httpProblems.forbidden({ permission: socket.needs[0] })
}

/** Nobody else makes one for this person before the transaction ends. */
async function makeRoom({ db, clock }: Context, userId: string): Promise<void> {
  const name = `socket_tickets ${userId}`
  await sql`select pg_advisory_xact_lock(hashtextextended(${name}, 0))`.execute(db)
  const { count } = await db
    .selectFrom('socketTickets')
    .select(({ fn }) => fn.countAll<string>().as('count'))
    .where('userId', '=', userId)
    .where('expiresAt', '>', clock.now())
    .executeTakeFirstOrThrow()
  if (Number(count) < MAX_OPEN) return
  throw problems.tooMany({ limit: MAX_OPEN, retryAfterSeconds: LIFE_MS / 1000 })
}
