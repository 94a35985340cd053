import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { problems } from './problems.ts'
import { openContent, sealContent } from './sealed.ts'
import type { RenderedMail } from './templates/render.ts'

const KEPT = 200

export interface DevMail extends RenderedMail {
  id: string
  to: string
  template: string
  createdAt: Date
}

/** Keeps what a mail said, for people who develop; the oldest beyond 200 are dropped. */
export async function keepInMailbox(ctx: Context, id: string, content: RenderedMail) {
  await ctx.db
    .insertInto('devMails')
    .values({ id, sealedContent: sealContent(ctx, id, content), createdAt: ctx.clock.now() })
    .onConflict((oc) => oc.column('id').doNothing())
    .execute()
  await sql`
    delete from dev_mails where id in (
      select id from dev_mails order by created_at desc, id desc offset ${KEPT}
    )`.execute(ctx.db)
}

/** The newest first, all that are kept. */
export async function listDevMails(ctx: Context): Promise<DevMail[]> {
  const rows = await devMails(ctx)
    .orderBy('devMails.createdAt', 'desc')
    .orderBy('devMails.id', 'desc')
    .limit(KEPT)
    .execute()
  return rows.map((row) => opened(ctx, row))
}

/** @throws problem `mail.not_found` */
export async function getDevMail(ctx: Context, id: string): Promise<DevMail> {
  const row = await devMails(ctx).where('devMails.id', '=', id).executeTakeFirst()
  if (!row) throw problems.notFound({ id })
  return opened(ctx, row)
}

export async function emptyMailbox(ctx: Context): Promise<void> {
  await ctx.db.deleteFrom('devMails').execute()
}

function devMails({ db }: Context) {
  return db
    .selectFrom('devMails')
    .innerJoin('mails', 'mails.id', 'devMails.id')
    .select(['devMails.id', 'toAddress', 'template', 'sealedContent', 'devMails.createdAt'])
}

type Row = Awaited<ReturnType<ReturnType<typeof devMails>['executeTakeFirstOrThrow']>>

function opened(ctx: Context, { id, toAddress, template, sealedContent, createdAt }: Row): DevMail {
  return { id, to: toAddress, template, createdAt, ...openContent(ctx, id, sealedContent) }
}
