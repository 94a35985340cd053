import { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import { bounced } from './events.ts'
import { problems } from './problems.ts'
import { checkAddress, isSuppressed } from './addresses.ts'
import { languageFor } from './templates/render.ts'
import type { TemplateName, TemplateValues } from './templates/values.ts'
import { sealValues } from './sealed.ts'

export interface Mail<Name extends TemplateName = TemplateName> {
  /** The address alone: `ann@example.com`. */
  to: string
  template: Name
  values: TemplateValues[Name]
  /** The account that it is about. */
  accountId?: string
  /** As the person has set it; English where there is no such template. */
  language?: string
}

/** What the job gets; its work is in `deliver.ts`. */
export const deliverKind = {
  name: 'notifications.send_mail',
  input: z.strictObject({ mailId: z.string(), attempt: z.number().int() }),
}

const MAX_VALUE_LENGTH = 2_000

/**
 * Queues a mail in the caller's transaction, and returns its id; it is sent after the commit, or never. A mail to an address that has
 * bounced ends at once, with `mail.bounced`, and nothing is thrown: whoever asked must not learn of it.
 *
 * @throws problem `mail.invalid_value` when a value has line ends or is too long
 */
export async function sendMail<Name extends TemplateName>(
  ctx: Context,
  mail: Mail<Name>,
): Promise<string> {
  checkAddress(mail.to)
  checkValues(ctx, mail.values)
  const id = ctx.newId('mail')
  const own = mail.accountId ? ctx.actingFor(mail.accountId) : ctx
  await own.transaction(async (ctx) => {
    const suppressed = await isSuppressed(ctx, mail.to)
    await insertMail(ctx, id, mail, suppressed)
    if (suppressed) {
      await ctx.events.emit(bounced, { mailId: id, template: mail.template, reason: SUPPRESSED })
    } else await queueAttempt(ctx, id, 0)
  })
  return id
}

/** At most one job exists for one attempt. */
export async function queueAttempt(
  ctx: Context,
  mailId: string,
  attempt: number,
  startAfter?: Date,
): Promise<void> {
  const options = { uniqueKey: `${mailId} ${attempt}`, ...(startAfter && { startAfter }) }
  await ctx.jobs.send(deliverKind, { mailId, attempt }, options)
}

const SUPPRESSED = 'the address has bounced before'

async function insertMail(ctx: Context, id: string, mail: Mail, suppressed: boolean) {
  const { to, template, values, accountId, language } = mail
  const now = ctx.clock.now()
  const end = {
    status: 'bounced',
    sealedValues: null,
    lastError: SUPPRESSED,
    endedAt: now,
  } as const
  const start = { status: 'queued', sealedValues: sealValues(ctx, id, values) } as const
  await ctx.db
    .insertInto('mails')
    .values({
      ...{ id, template, toAddress: to, accountId: accountId ?? null },
      ...{ language: languageFor(language), createdAt: now, dueAt: now },
      ...{ lastError: null, providerMessageId: null, endedAt: null },
      ...(suppressed ? end : start),
    } as const)
    .execute()
}

/** No value can end a header line or begin a part, and a link leads to this installation. */
function checkValues(ctx: Context, values: TemplateValues[TemplateName]): void {
  for (const [name, value] of Object.entries(values)) {
    for (const text of [value].flat()) {
      if (typeof text !== 'string') continue
      if (text.length > MAX_VALUE_LENGTH || /[\p{Cc}\u2028\u2029]/u.test(text)) {
        throw problems.invalidValue({ name })
      }
    }
    if (name === 'link' && !String(value).startsWith(`${ctx.publicUrl}/`)) {
      throw new Error('a mail may hold links to this installation only: make them with linkTo')
    }
  }
}
