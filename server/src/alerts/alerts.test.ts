import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { sql } from 'kysely'
import { z } from 'zod'
import { admitExport } from '#identity/index.ts'
import { defineEvent } from '#kernel/events.ts'
import { eventually } from '#kernel/test-support.ts'
import { Problem } from '#kernel/problem.ts'
import { type Person, startApp } from '#test/app.ts'
import { TestClock } from '#test/clock.ts'
import { raise } from './raise.ts'

/** As identity announces it. */
const factorDisabled = defineEvent(
  'second_factor.disabled',
  'A second factor was given up',
  z.object({ userId: z.string(), isLast: z.boolean() }),
  { target: 'userId' },
)

const HOUR_MS = 60 * 60 * 1000
const clock = new TestClock()
const app = await startApp({ clock })
after(() => app[Symbol.asyncDispose]())

function alertsAbout(...subjects: string[]) {
  const { db } = app.app.systemContext()
  return db
    .selectFrom('alerts')
    .selectAll()
    .where('subject', 'in', subjects)
    .orderBy('subject')
    .orderBy('state')
    .execute()
}

/** A secret of the account that somebody has damaged, and a try to open it. */
async function damage({ accountId }: Person): Promise<() => void> {
  const ctx = app.app.systemContext()
  const id = ctx.newId('mail')
  await ctx.db
    .insertInto('mails')
    .values({
      ...{ id, template: 'new_device', toAddress: 'x@example.test', accountId, language: 'en' },
      ...{ status: 'failed', sealedValues: null, lastError: null, providerMessageId: null },
      ...{ createdAt: clock.now(), dueAt: clock.now(), endedAt: clock.now() },
    })
    .execute()
  const [column] = app.app.secrets.columns.filter(({ table }) => table === 'mails')
  const place = column!.place(id)
  const sealed = ctx.keyring.seal(column!.purpose, place, Buffer.from('values'))
  sealed[sealed.length - 1]! ^= 1
  return () => assert.throws(() => ctx.keyring.open(column!.purpose, place, sealed))
}

async function failuresOf({ accountId }: Person): Promise<number> {
  const kinds = await app.eventKinds(accountId)
  return kinds.filter((kind) => kind === 'secret.unsealing_failed').length
}

/** Resolves once the watcher has gone past all that was announced. */
async function watched(): Promise<void> {
  const { db } = app.app.systemContext()
  await eventually('the watcher', async () => {
    const { rows } = await sql<{ isThrough: boolean }>`
      select not exists (
        select 1 from events where (epoch, xid, id) > (reader.epoch, reader.xid, reader.id)
      ) as "isThrough" from event_readers reader where name = 'alerts.watch_events'`.execute(db)
    return rows[0]?.isThrough
  })
}

test('T69: two secrets of an account that do not open are two entries, three are an alert, and four are still one', async () => {
  const ann = await app.person('ann')
  const secrets = await Promise.all([1, 2, 3, 4].map(() => damage(ann)))
  for (const open of secrets.slice(0, 2)) open()
  await eventually('two entries', async () => (await failuresOf(ann)) === 2)
  await watched()
  assert.deepEqual(await alertsAbout(ann.accountId), [])
  for (const open of secrets.slice(2)) open()
  const [alert, ...more] = await eventually('the alert of four', async () => {
    const found = await alertsAbout(ann.accountId)
    return found[0]?.times === 2 && found
  })
  assert.deepEqual(more, [])
  assert.deepEqual([alert!.kind, alert!.state], ['decryption_failed', 'open'])
  const { body } = await app.request('GET', '/metrics', { headers: {} })
  assert.match(String(body), /gantry_unsealing_failures_total\{purpose="[^"]+"\} [4-9]/)
  const root = await app.superAdmin()
  const raised = await root.get(`/v1/admin/audit?action=alert.raised&target=${alert!.id}`)
  assert.equal(raised.body.items.length, 1)
})

test('T69: three failures that lie further apart than five minutes are no alert', async () => {
  const ann = await app.person('ann')
  for (let turn = 1; turn <= 3; turn++) {
    const open = await damage(ann)
    open()
    await eventually('the entry', async () => (await failuresOf(ann)) === turn)
    clock.advance(151_000)
  }
  await watched()
  assert.deepEqual(await alertsAbout(ann.accountId), [])
})

test('T69: ten failures over several accounts are one alert of the installation', async () => {
  clock.advance(10 * 60_000)
  const everywhere = async () =>
    (await alertsAbout('installation')).filter(({ state }) => state === 'open')
  assert.deepEqual(await everywhere(), [])
  const people = await Promise.all(Array.from({ length: 5 }, () => app.person('ann')))
  for (const person of people) {
    for (const open of await Promise.all([damage(person), damage(person)])) open()
  }
  const [alert, ...more] = await eventually('the alert', async () => {
    const found = await everywhere()
    return found.length > 0 && found
  })
  assert.deepEqual([alert!.kind, more], ['decryption_failed_widely', []])
  for (const { accountId } of people) assert.deepEqual(await alertsAbout(accountId), [])
})

/** Counts exports; how many were let through before the first that was not. */
async function exportTimes({ ctx }: Person, times: number): Promise<number> {
  for (let done = 0; done < times; done++) {
    try {
      await admitExport(ctx, { what: 'test' })
    } catch (error) {
      assert.ok(error instanceof Problem && error.code === 'auth.step_up_required', String(error))
      return done
    }
  }
  return times
}

/** To the beginning of the next hour. */
function nextHour(): void {
  clock.advance(HOUR_MS - (clock.now().getTime() % HOUR_MS))
}

test('T69: the eleventh export in an hour is an alert, the fifty-first is refused until they prove who they are', async () => {
  nextHour()
  const ann = await signedIn()
  assert.equal(await exportTimes(ann, 10), 10)
  assert.deepEqual(await alertsAbout(ann.userId), [])
  assert.equal(await exportTimes(ann, 1), 1)
  assert.deepEqual(
    (await alertsAbout(ann.userId)).map(({ kind, times }) => [kind, times]),
    [['many_exports', 1]],
  )
  assert.equal(await exportTimes(ann, 100), 39)
  assert.equal(await exportTimes(ann, 1), 0)
  assert.equal((await alertsAbout(ann.userId)).length, 1)
  clock.advance(1_000)
  await prove(ann)
  assert.equal(await exportTimes(ann, 5), 5)
})

test('T69: what is unusual goes by what somebody usually does', async () => {
  nextHour()
  const ann = await signedIn()
  const { db } = app.app.systemContext()
  const hours = Array.from({ length: 20 }, (_, back) => ({
    ...{ actor: ann.userId, count: 40, blockedSince: null },
    hour: new Date(clock.now().getTime() - (back + 1) * HOUR_MS),
  }))
  await db.insertInto('exportCounts').values(hours).execute()
  assert.equal(await exportTimes(ann, 120), 120)
  assert.deepEqual(await alertsAbout(ann.userId), [])
  assert.equal(await exportTimes(ann, 81), 80, 'up to 5 × 40')
  assert.equal((await alertsAbout(ann.userId)).length, 1)
})

test('T69: of many exports at once none slips by the count', async () => {
  nextHour()
  const ann = await signedIn()
  const let_through = await Promise.all(Array.from({ length: 60 }, () => exportTimes(ann, 1)))
  assert.equal(
    let_through.reduce((sum, one) => sum + one, 0),
    50,
  )
  const [alert] = await alertsAbout(ann.userId)
  assert.equal(alert!.times, 50)
})

test('T69: an export soon after second factors were given up is an alert, a late one is not', async () => {
  nextHour()
  const [soon, late] = [await signedIn(), await signedIn()]
  for (const { userId, ctx } of [soon, late]) {
    await ctx.transaction((ctx) => ctx.events.emit(factorDisabled, { userId, isLast: true }))
  }
  clock.advance(1_000)
  await admitExport(soon.ctx, { what: 'account' })
  clock.advance(HOUR_MS)
  await admitExport(late.ctx, { what: 'account' })
  await watched()
  const found = await alertsAbout(soon.userId, late.userId)
  assert.deepEqual(
    found.map(({ kind, subject }) => [kind, subject]),
    [['export_without_second_factor', soon.userId]],
  )
})

test('an alert is acknowledged once, and the next time is a new one', async () => {
  nextHour()
  const ann = await signedIn()
  await exportTimes(ann, 12)
  const [alert] = await alertsAbout(ann.userId)
  const path = `/v1/admin/alerts/${alert!.id}/acknowledge`
  assert.equal((await ann.post(path)).status, 403)
  const root = await app.superAdmin()
  const [one, other] = await Promise.all([root.post(path), root.post(path)])
  assert.deepEqual([one.status, other.status], [200, 200])
  assert.equal(one.body.acknowledgedBy, root.userId)
  const told = await root.get(`/v1/admin/audit?action=alert.acknowledged&target=${alert!.id}`)
  assert.equal(told.body.items.length, 1)
  await exportTimes(ann, 1)
  const states = (await alertsAbout(ann.userId)).map(({ state }) => state)
  assert.deepEqual(states.sort(), ['acknowledged', 'open'])
  const open = await root.get('/v1/admin/alerts?state=open&limit=100')
  assert.ok(open.body.items.every(({ state }: { state: string }) => state === 'open'))
  assert.equal(
    (await root.post('/v1/admin/alerts/alr_00000000000000000000000000/acknowledge')).status,
    404,
  )
})

test('many alerts are one mail for each super-admin, and are mailed once', async () => {
  const other = await app.superAdmin()
  const { db, transaction } = app.app.systemContext()
  await db.updateTable('alerts').set({ mailedAt: clock.now() }).execute()
  // In one transaction, since the job also runs by itself each minute.
  await transaction(async (ctx) => {
    for (let subject = 1; subject <= 12; subject++) {
      await raise(ctx, { kind: 'many_exports', subject: `usr_${subject}`, detail: 'Many.' })
    }
  })
  const job = app.app.capabilities
    .flatMap(({ jobs = [] }) => [...jobs])
    .find(({ name }) => name === 'alerts.mail_alerts')!
  const run = { id: 'x', retries: 0, progress: async () => {} }
  await Promise.all([1, 2].map(() => job.run(app.app.systemContext(), {}, run)))
  const mail = await app.mailTo(other.email, 'alerts_raised')
  assert.match(mail.subject, /^\D*12 alerts/)
  const mails = await db
    .selectFrom('mails')
    .select('id')
    .where('template', '=', 'alerts_raised')
    .where('toAddress', '=', other.email)
    .execute()
  assert.equal(mails.length, 1)
})

/** Somebody whose context is of their real sign-in. */
async function signedIn(): Promise<Person> {
  const person = await app.person('ann')
  const { db } = app.app.systemContext()
  const { id: signInId } = await db
    .selectFrom('signIns')
    .select('id')
    .where('userId', '=', person.userId)
    .executeTakeFirstOrThrow()
  const { userId, accountId } = person
  const actor = { kind: 'user', userId, accountId, roles: ['account-owner'], signInId } as const
  return { ...person, ctx: app.app.contextFor({ actor }) }
}

async function prove({ userId }: Person): Promise<void> {
  const { db } = app.app.systemContext()
  const steppedUpAt = clock.now()
  await db.updateTable('signIns').set({ steppedUpAt }).where('userId', '=', userId).execute()
}
