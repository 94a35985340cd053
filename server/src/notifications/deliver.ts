import { randomInt } from 'node:crypto'
import type { Context } from '#kernel/context.ts'
import { SealingKeyMissing } from '#kernel/crypto.ts'
import { suppress, wireAddress } from './addresses.ts'
import { bounced, failed, sent } from './events.ts'
import { keepInMailbox } from './mailbox.ts'
import type { NotificationsParts } from './parts.ts'
import { openValues } from './sealed.ts'
import { queueAttempt } from './send.ts'
import { states } from './states.ts'
import type { MailRow } from './tables.ts'
import { type RenderedMail, renderMail } from './templates/render.ts'
import { SendFailed } from './transport.ts'

/** The waits between them add up to some hours. */
const MAX_ATTEMPTS = 12
const FIRST_WAIT_MS = 2_000
const LONGEST_WAIT_MS = 60 * 60 * 1000
const MAX_ERROR_LENGTH = 300

/**
 * One try to send a mail. It may run twice for one attempt, when the process that ran it was killed: the mail then goes out again with
 * the same Message-ID.
 */
export async function deliver(
  ctx: Context,
  parts: NotificationsParts,
  { mailId, attempt }: { mailId: string; attempt: number },
): Promise<void> {
  const mail = await claim(ctx, mailId, attempt)
  if (!mail) return
  try {
    if (attempt >= MAX_ATTEMPTS) throw new SendFailed('refused', 'every try was broken off')
    const rendered = render(ctx, mail)
    const providerMessageId = await hand(ctx, parts, mail, rendered)
    await settleSent(ctx, parts, mail, rendered, providerMessageId)
  } catch (error) {
    // The process is stopping: another takes this attempt over.
    if (ctx.signal.aborted || !(error instanceof SendFailed)) throw error
    await settleFailed(ctx, mail, error)
  }
}

async function claim(ctx: Context, id: string, attempt: number): Promise<MailRow | undefined> {
  return ctx.db
    .updateTable('mails')
    .set({ status: 'sending', attempts: attempt + 1, dueAt: ctx.clock.now() })
    .where('id', '=', id)
    .where('status', 'in', states.from('sending'))
    .where('attempts', 'in', [attempt, attempt + 1])
    .returningAll()
    .executeTakeFirst()
}

function render(ctx: Context, { id, template, language, sealedValues }: MailRow): RenderedMail {
  try {
    return renderMail(template, language, openValues(ctx, id, sealedValues!))
  } catch (error) {
    // The key may be on its way to this machine: the job tries again.
    if (error instanceof SealingKeyMissing) throw error
    ctx.log.error({ err: error, mail: id, template }, 'mail cannot be made')
    throw new SendFailed('refused', 'the mail cannot be made from what was kept of it')
  }
}

async function hand(
  ctx: Context,
  { transport, mailbox, from }: NotificationsParts,
  { id, toAddress }: MailRow,
  rendered: RenderedMail,
): Promise<string | undefined> {
  if (!transport) {
    if (mailbox !== 'closed') return undefined
    throw new SendFailed('temporary', 'no mail transport is set up')
  }
  const domain = from.address.slice(from.address.lastIndexOf('@') + 1)
  const names = { messageId: `<${id}@${domain}>`, mailId: id, from, to: wireAddress(toAddress) }
  return transport.send({ ...names, ...rendered }, ctx.signal)
}

async function settleSent(
  ctx: Context,
  { mailbox }: NotificationsParts,
  { id, template, attempts }: MailRow,
  rendered: RenderedMail,
  providerMessageId: string | undefined,
): Promise<void> {
  await ctx.transaction(async (ctx) => {
    const change = { providerMessageId: providerMessageId?.slice(0, 200) ?? null, lastError: null }
    if (!(await end(ctx, { id, attempts }, 'sent', change))) return
    if (mailbox !== 'closed') await keepInMailbox(ctx, id, rendered)
    await ctx.events.emit(sent, { mailId: id, template, attempts })
  })
}

async function settleFailed(ctx: Context, mail: MailRow, error: SendFailed): Promise<void> {
  const { id, template, attempts, toAddress } = mail
  const lastError = error.message.slice(0, MAX_ERROR_LENGTH)
  const facts = { mail: id, template, attempts, reason: lastError }
  if (error.kind === 'temporary' && attempts < MAX_ATTEMPTS) {
    await tryLater(ctx, mail, lastError, waitMs(attempts, error.retryAfterSeconds))
    return ctx.log.warn(facts, 'mail will be tried again')
  }
  const isBounce = error.kind === 'bounced'
  await ctx.transaction(async (ctx) => {
    if (!(await end(ctx, mail, isBounce ? 'bounced' : 'failed', { lastError }))) return
    const announced = { mailId: id, template, reason: lastError }
    if (!isBounce) return ctx.events.emit(failed, { ...announced, attempts })
    await suppress(ctx, toAddress, lastError)
    await ctx.events.emit(bounced, announced)
  })
  ctx.log.error(facts, 'mail is given up')
}

/** Whether this attempt was still the mail's own. What it was to say is erased. */
async function end(
  ctx: Context,
  { id, attempts }: Pick<MailRow, 'id' | 'attempts'>,
  status: 'sent' | 'failed' | 'bounced',
  change: { lastError: string | null; providerMessageId?: string | null },
): Promise<boolean> {
  const { numUpdatedRows } = await ctx.db
    .updateTable('mails')
    .set({ ...change, status, sealedValues: null, endedAt: ctx.clock.now() })
    .where('id', '=', id)
    .where('status', '=', 'sending')
    .where('attempts', '=', attempts)
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

async function tryLater(
  ctx: Context,
  { id, attempts }: MailRow,
  lastError: string,
  afterMs: number,
): Promise<void> {
  const dueAt = new Date(ctx.clock.now().getTime() + afterMs)
  await ctx.transaction(async (ctx) => {
    const { numUpdatedRows } = await ctx.db
      .updateTable('mails')
      .set({ status: 'queued', lastError, dueAt })
      .where('id', '=', id)
      .where('status', '=', 'sending')
      .where('attempts', '=', attempts)
      .executeTakeFirst()
    if (numUpdatedRows === 1n) await queueAttempt(ctx, id, attempts, dueAt)
  })
}

/** Four times longer each time, with jitter; as long as the other side asks for when that is longer, up to the longest wait. */
function waitMs(attempts: number, retryAfterSeconds = 0): number {
  const grown = Math.min(FIRST_WAIT_MS * 4 ** (attempts - 1), LONGEST_WAIT_MS)
  const jittered = randomInt(Math.round(grown / 2), grown + 1)
  return Math.min(Math.max(jittered, retryAfterSeconds * 1000), LONGEST_WAIT_MS)
}
