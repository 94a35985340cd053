import { allows } from '#access/index.ts'
import type { Actor, Context } from '#kernel/context.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import { Problem } from '#kernel/problem.ts'
import type { OpenSocket } from './node/session-node.ts'

/** What counts as known of a credential may be 4 s old: together less than 5 s. */
const ASK_AGAIN_MS = 900
const POLICY = 1008

/** @throws problem `auth.unauthenticated` or `auth.forbidden` */
export function demand(actor: Actor, permission: string): void {
  if (actor.kind === 'anonymous') throw httpProblems.unauthenticated()
  if (!allows(actor, permission)) throw httpProblems.forbidden({ permission })
}

export function accountOf(actor: Actor): string {
  if ('accountId' in actor) return actor.accountId
  throw httpProblems.unauthenticated()
}

/** Cuts a socket whose credential was revoked, has expired or lost its right. One that cannot be checked just now goes on. */
export function cutWhenRefused(
  ctx: Context,
  socket: OpenSocket,
  stillMay: () => Promise<void>,
): void {
  let timer: NodeJS.Timeout
  let isOpen = true
  const ask = async () => {
    try {
      await stillMay()
    } catch (error) {
      if (isRefusal(error)) return socket.close(POLICY, 'the credential does not count')
      ctx.log.debug({ err: error }, 'the credential of a socket could not be checked')
    }
    if (isOpen) askLater()
  }
  const askLater = () => (timer = setTimeout(() => void ask(), ASK_AGAIN_MS).unref())
  const stop = () => {
    isOpen = false
    clearTimeout(timer)
  }
  askLater()
  void socket.closed.then(stop, stop)
}

/** Who was let in as somebody of an account may do as much as long as that still stands. */
export function sameRight(
  { accountId }: Context,
  permissions: readonly string[],
  ask: () => Promise<Actor>,
): () => Promise<void> {
  return async () => {
    const actor = await ask()
    for (const permission of permissions) demand(actor, permission)
    if (accountOf(actor) !== accountId) throw httpProblems.unauthenticated()
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof Problem && error.status < 500
}
