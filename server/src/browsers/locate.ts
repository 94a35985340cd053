import { type Actor, actsAsAnother, type Context } from '#kernel/context.ts'
import type { Problem } from '#kernel/problem.ts'
import type { Holder } from './control/lease.ts'
import type { Control } from './node/control.ts'
import {
  type CallName,
  type CallOptions,
  NotOnNode,
  type SessionNode,
} from './node/session-node.ts'
import { problems } from './problems.ts'
import type { BrowserRuntime } from './runtime.ts'
import { getSession } from './service.ts'
import type { SessionRow } from './tables.ts'

/**
 * Does one thing in a session, wherever it is hosted. A session of this process is found without the database.
 *
 * @throws problem `session.not_found`, `session.closed`, `session.not_ready`, `session.unreachable`, `browser.crashed`,
 *   `session.tunnels_private`, or what the call itself throws
 */
export async function callSession(
  ctx: Context,
  runtime: BrowserRuntime,
  id: string,
  name: CallName,
  input: unknown,
  options: CallOptions,
): Promise<unknown> {
  if (!isLook(name, input)) await demandMayDrive(ctx, id)
  const own = runtime.own?.get(id)
  if (own?.spec.accountId === ctx.accountId) return own.call(name, input, options)
  return onNode(ctx, runtime, id, (node) => node.call(id, name, input, options))
}

/** What neither drives a page nor reads from it. */
function isLook(name: CallName, input: unknown): boolean {
  return name === 'downloads' || (name === 'control' && (input as Control).action === 'show')
}

/**
 * What the user's tunnels lead to is private: staff who act as the user drive no session that reaches it.
 *
 * @throws problem `session.tunnels_private`, or `session.not_found`
 */
async function demandMayDrive(ctx: Context, id: string): Promise<void> {
  if (!actsAsAnother(ctx.actor)) return
  if (reachesTunnels(await getSession(ctx, id))) throw problems.tunnelsPrivate({ id })
}

export function reachesTunnels({ tunnels }: Pick<SessionRow, 'tunnels'>): boolean {
  return tunnels !== null && tunnels.length > 0
}

/** Runs `work` with the node of a session that is active; one of this process is found without the database. @throws as `callSession` */
export async function onNode<Result>(
  ctx: Context,
  runtime: BrowserRuntime,
  id: string,
  work: (node: SessionNode) => Promise<Result>,
): Promise<Result> {
  const { own } = runtime
  const isOwn = own !== undefined && own.get(id)?.spec.accountId === ctx.accountId
  const node = isOwn ? own : await nodeOf(ctx, runtime, id)
  try {
    return await work(node)
  } catch (error) {
    // It has ended there, and its row is about to say so.
    if (error instanceof NotOnNode) throw problems.crashed({ reason: 'its process has ended' })
    throw error
  }
}

async function nodeOf(ctx: Context, runtime: BrowserRuntime, id: string): Promise<SessionNode> {
  const session = await getSession(ctx, id)
  if (session.status !== 'active') throw refusal(session)
  const { instanceId } = session
  const node = instanceId ? runtime.nodes.get(instanceId) : undefined
  if (!node) throw problems.unreachable({ id, instanceId, retryAfterSeconds: 5 })
  return node
}

function refusal({ id, status, endReason, errorMessage }: SessionRow): Problem {
  if (status === 'error') return problems.crashed({ reason: errorMessage ?? endReason })
  if (status === 'closed') return problems.closed({ id, endReason: endReason ?? 'asked' })
  return problems.notReady({ id, status })
}

/** Whom the control lease knows an actor as: the programs of one user are one holder, apart from the user in person. */
export function holderOf(actor: Actor): Holder {
  if (actor.kind === 'user') return { kind: 'person', id: actor.userId }
  if (actor.kind === 'key') return { kind: 'program', id: actor.userId }
  return { kind: 'program', id: actor.kind }
}

const FORCING: ReadonlySet<string> = new Set(['super-admin', 'account-owner', 'account-admin'])

/** Whether somebody may take control of a session from whoever has it. */
export function mayForce(actor: Actor): boolean {
  return actor.kind === 'user' && actor.roles.some((role) => FORCING.has(role))
}

/** @throws problem `session.may_not_force` for one who wants to and may not */
export function demandForce({ actor }: Context, { force = false }: { force?: boolean }): void {
  if (force && !mayForce(actor)) throw problems.mayNotForce()
}
