import type { Context } from '#kernel/context.ts'
import { UnsealFailed } from '#kernel/crypto.ts'
import type { ShownCredential } from '#kernel/socket-ticket.ts'
import { socketTicketProblems as problems } from './problems.ts'
import { digestOf, openCredential, plainPath } from './ticket.ts'

/**
 * Uses a ticket up, and tells what it stands for. Of two who show it at once, in whatever processes, one wins. It is used up at another
 * path and when it is late, too: somebody has it who should not, or has no use for it.
 *
 * @param onGuess told of each one that was looked up in vain
 * @throws problem `auth.ticket_invalid`, or what `onGuess` throws
 */
export async function redeemTicket(
  { db, clock }: Pick<Context, 'db' | 'clock'>,
  ticket: string,
  path: string,
  onGuess: () => Promise<void>,
): Promise<ShownCredential> {
  const digest = digestOf(ticket)
  if (!digest) throw problems.invalid({ detail: 'That is no ticket, or not a whole one.' })
  const row = await db
    .deleteFrom('socketTickets')
    .where('digest', '=', digest)
    .returning(['path', 'sealedCredential', 'expiresAt'])
    .executeTakeFirst()
  if (!row) {
    await onGuess()
    throw problems.invalid()
  }
  if (row.expiresAt <= clock.now()) throw problems.invalid({ detail: 'The ticket is too old.' })
  if (row.path !== plainPath(path)) {
    throw problems.invalid({ detail: 'The ticket was made for another path.' })
  }
  return credentialIn(ticket, row)
}

function credentialIn(
  ticket: string,
  { path, sealedCredential }: { path: string; sealedCredential: Buffer },
): ShownCredential {
  try {
    return openCredential(ticket, path, sealedCredential)
  } catch (error) {
    if (error instanceof UnsealFailed) throw problems.invalid({ cause: error })
    throw error
  }
}
