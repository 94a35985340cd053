import type { Context } from '#kernel/context.ts'
import type { Check, CheckResult } from '#kernel/health.ts'
import type { NotificationsParts, Running } from './parts.ts'

/** Fewer failed tries are nothing unusual: many servers put a stranger's first mail off. */
const TRIED_IN_VAIN = 3
const RECENTLY_MS = 60 * 60 * 1000

/** Judged by what became of the mails, so that every process tells the same. */
export function check(running: Running): Check {
  return {
    name: 'mail',
    what: 'Mails leave',
    critical: false,
    run: (ctx) => mailHealth(ctx, running()),
  }
}

async function mailHealth(ctx: Context, parts: NotificationsParts): Promise<CheckResult> {
  if (!parts.transport) return withoutTransport(parts)
  const { waiting, refused } = await troubles(ctx)
  if (waiting === 0 && refused === 0) return { status: 'ok' }
  const told = [
    ...(waiting > 0 ? [`${waiting} wait after ${TRIED_IN_VAIN} tries or more`] : []),
    ...(refused > 0 ? [`${refused} given up in the last hour`] : []),
  ]
  const where = 'GET /v1/admin/notifications/mails tells why.'
  return { status: 'degraded', detail: `Mails: ${told.join(', ')}; ${where}` }
}

function withoutTransport({ mailbox }: NotificationsParts): CheckResult {
  if (mailbox === 'closed') {
    return { status: 'degraded', detail: 'No mail leaves: set SMTP_URL or SENDGRID_API_KEY.' }
  }
  return { status: 'ok', detail: 'Mails stay in the development mailbox, /console/mails.html.' }
}

async function troubles({ db, clock }: Context): Promise<{ waiting: number; refused: number }> {
  const since = new Date(clock.now().getTime() - RECENTLY_MS)
  const counts = db.selectFrom('mails').select((eb) => eb.fn.countAll<string>().as('count'))
  const [waiting, refused] = await Promise.all([
    counts
      .where('endedAt', 'is', null)
      .where('attempts', '>=', TRIED_IN_VAIN)
      .executeTakeFirstOrThrow(),
    counts.where('endedAt', '>', since).where('status', '=', 'failed').executeTakeFirstOrThrow(),
  ])
  return { waiting: Number(waiting.count), refused: Number(refused.count) }
}
