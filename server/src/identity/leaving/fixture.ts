import { after } from 'node:test'
import { sql } from 'kysely'
import { eventually } from '#kernel/test-support.ts'
import { type Person, startApp } from '#test/app.ts'
import { leavingJobs } from './jobs.ts'

/** The product that the tests of one file share. */
export const app = await startApp()
after(() => app[Symbol.asyncDispose]())
export const { db } = app.app.systemContext()
export const tools = () => app.app.identity.tools

export async function mayAct(person: Person): Promise<number> {
  return (await person.get('/v1/users/me')).status
}

export async function login({ email, password }: Person) {
  return app.request('POST', '/v1/auth/login', { body: { email, password } })
}

export async function tokenFor({ email }: Person): Promise<string> {
  const { link } = await app.mailTo(email, 'account_deletion')
  return link!.split('#restore-user=')[1]!
}

export function restore(token: string) {
  return app.request('POST', '/v1/users/me/restore', { body: { token } })
}

/** As if the days of grace were over. */
export async function letDaysPass(userId: string): Promise<void> {
  await sql`update departures set requested_at = now() - interval '31 days', due_at = now() - interval '1 day'
    where user_id = ${userId}`.execute(db)
}

export async function sweep(): Promise<void> {
  const [, sweepJob] = leavingJobs(() => ({ tools: tools(), records: [] }))
  await app.app.systemContext().jobs.send(sweepJob, {})
}

export async function statusOf(userId: string): Promise<string> {
  const row = await db
    .selectFrom('users')
    .select('status')
    .where('id', '=', userId)
    .executeTakeFirstOrThrow()
  return row.status
}

export async function untilErased(userId: string): Promise<void> {
  await sweep()
  await eventually('the user is erased', async () => (await statusOf(userId)) === 'deleted')
}
