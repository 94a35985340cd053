import { z } from 'zod'
import { PageQuery, pageOf } from '#kernel/http/cursor.ts'
import { AuditEntry, filters } from './schema.ts'

/** What happened, as the person sees it whom it is about. */
export const Activity = AuditEntry.pick({
  ...{ id: true, at: true, action: true, accountId: true, target: true, result: true },
  ...{ address: true, agent: true, data: true, erased: true },
})
  .extend({
    by: z
      .strictObject({
        kind: z.enum(['user', 'key', 'staff_or_member', 'anonymous', 'system']),
        keyId: z.string().optional(),
      })
      .meta({ description: '`user` and `key`: the user whom it is about, or a key of theirs' }),
  })
  .meta({ id: 'Activity' })
export type Activity = z.output<typeof Activity>

export const ActivityQuery = PageQuery.extend({
  action: filters.action,
  from: filters.from,
  to: filters.to,
})
export type ActivityQuery = z.output<typeof ActivityQuery>

export const ActivityPage = pageOf(Activity).extend({
  usage: z.record(z.string(), z.number()).meta({
    description:
      'What the user used in the time that was asked for, else in the last 30 days: `browsers.sessions` that were started, `browsers.minutes` that browsers were theirs',
  }),
})

/** Where somebody else was, and with what, is that person's own affair; so is the address of one who was invited. */
const OF_OTHERS = ['ipAddress', 'userAgent', 'email']
/** Whom an entry is about is called that. */
const NAMES = ['firstName', 'firstNameBefore', 'lastName', 'lastNameBefore']

/** An entry without what tells of other people than this one. */
export function asSeenBy(userId: string, entry: AuditEntry): Activity {
  const { id, at, action, result, accountId, target, address, agent, data, erased, actor } = entry
  const isOwn = actor.userId === userId
  const isOfOthers = !isOwn && actor.kind !== 'anonymous'
  return {
    ...{ id, at, action, result, by: actedBy(actor, isOwn) },
    ...(accountId !== undefined && { accountId }),
    ...(target !== undefined && { target }),
    ...(!isOfOthers && address !== undefined && { address }),
    ...(!isOfOthers && agent !== undefined && { agent }),
    data: without(data, [
      ...(isOfOthers || target !== userId ? OF_OTHERS : []),
      ...(target !== userId ? NAMES : []),
    ]),
    ...(erased && { erased }),
  }
}

function actedBy({ kind, keyId }: AuditEntry['actor'], isOwn: boolean): Activity['by'] {
  if (kind === 'anonymous' || kind === 'system') return { kind }
  if (!isOwn) return { kind: 'staff_or_member' }
  return kind === 'key' ? { kind, ...(keyId !== undefined && { keyId }) } : { kind: 'user' }
}

function without(data: unknown, left: readonly string[]): unknown {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return data
  return Object.fromEntries(Object.entries(data).filter(([name]) => !left.includes(name)))
}
