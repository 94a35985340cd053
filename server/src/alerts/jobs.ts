import { z } from 'zod'
import { sendMail } from '#notifications/index.ts'
import type { Context } from '#kernel/context.ts'
import { defineJob } from '#kernel/jobs.ts'
import type { AlertsParts } from './parts.ts'

const Nothing = z.strictObject({})
/** Of the alerts that one mail names; it says how many there are. */
const MOST_NAMED = 10
const KEPT_MS = 31 * 24 * 60 * 60 * 1000

/** Once a minute, so that many alerts at once are one mail for each super-admin. */
export function mailAlerts(running: () => AlertsParts) {
  return defineJob({
    name: 'alerts.mail_alerts',
    summary: 'Mails super-admins the alerts of the last minute',
    input: Nothing,
    cron: '* * * * *',
    run: (ctx) => ctx.transaction((ctx) => mail(ctx, running())),
  })
}

async function mail(ctx: Context, { superAdmins }: AlertsParts): Promise<void> {
  const rows = await ctx.db
    .updateTable('alerts')
    .set({ mailedAt: ctx.clock.now() })
    .where('mailedAt', 'is', null)
    .returning(['kind', 'subject', 'detail', 'raisedAt'])
    .execute()
  if (rows.length === 0) return
  const newest = rows.toSorted((one, other) => +other.raisedAt - +one.raisedAt)
  const named = newest.slice(0, MOST_NAMED)
  const values = {
    count: rows.length,
    alerts: named.map(({ kind, subject, detail }) => `${kind}, ${subject}: ${detail}`),
    at: newest[0]!.raisedAt.toISOString(),
  }
  for (const to of await superAdmins(ctx)) {
    await sendMail(ctx, { to, template: 'alerts_raised', values })
  }
}

export const tidyExports = defineJob({
  name: 'alerts.tidy_export_counts',
  summary: 'Deletes the counts of exports that nothing is compared with any more',
  input: Nothing,
  cron: '37 3 * * *',
  async run({ db, clock }) {
    const before = new Date(clock.now().getTime() - KEPT_MS)
    await db.deleteFrom('exportCounts').where('hour', '<', before).execute()
  },
})
