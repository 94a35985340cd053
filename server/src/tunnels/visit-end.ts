import { z } from 'zod'
import { defineReader } from '#kernel/events.ts'
import { askAgain } from './cut.ts'
import type { Running } from './parts.ts'

const About = z.object({ userId: z.string() })

/**
 * Makes everybody sign in again who visits a tunnel that somebody could visit who is no member any more, or may not sign in any more.
 * Whoever still may does not notice; what that person has open is cut within 5 s.
 */
export const endVisits = (running: Running) =>
  defineReader({
    name: 'tunnels.end_visits',
    kinds: [
      ...['member.removed', 'user.sign_ins_ended'],
      ...['user.deactivated', 'user.deletion_scheduled'],
    ],
    from: 'now',
    async handle(ctx, { kind, accountId, data }) {
      const parts = running()
      const { userId } = About.parse(data)
      const isOne = kind === 'member.removed' && accountId !== null
      const accounts = isOne ? [accountId] : await parts.accountsOf(ctx, userId)
      await askAgain(ctx, parts, { userId, accounts })
    },
  })
