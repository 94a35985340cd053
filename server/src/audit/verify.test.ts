import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { sql } from 'kysely'
import pg from 'pg'
import { LOG_START, readLines } from '#kernel/events.ts'
import { APP_ROLE, clientConfig, type Db } from '#kernel/db.ts'
import { erasePerson } from './erase.ts'
import { readHeads, signHead } from './heads.ts'
import { linkHash, START_HASH } from './link.ts'
import { storeHead } from './stored-heads.ts'
import { openTestAudit, USER } from './test-support.ts'

const audit = await openTestAudit()
after(() => audit[Symbol.asyncDispose]())

/** Rows 1 to 10 and 11 to 20 have heads of their own; 21 to 30 have none yet. */
before(async () => {
  for (let day = 0; day < 2; day++) {
    await audit.note(10)
    await audit.chain()
    audit.clock.nextDay()
    const head = await signHead(audit.kernel.ctx, audit.vault)
    if (day === 1) await storeHead(audit.store, head!)
  }
  await audit.note(10)
  await audit.chain()
})

const EVENT = (sequence: number) =>
  `event_id = (select event_id from audit_chain where sequence = ${sequence})`

test('T65: the role of the product may neither change nor take away a row of the trail', async () => {
  const client = new pg.Client(clientConfig(audit.address, APP_ROLE))
  await client.connect()
  const tables = ['events', 'audit_chain', 'audit_heads', 'audit_keys']
  const statements = tables.flatMap((table) => [
    ...[`delete from ${table}`, `truncate ${table}`, `drop table ${table}`],
    ...[`alter table ${table} disable trigger all`, `update ${table} set ctid = ctid`],
  ])
  statements.push(
    ...['update events set personal = null', 'update events set kind = kind'],
    ...['update audit_chain set hash = hash', 'update audit_heads set signature = signature'],
    ...['update audit_keys set public_key = public_key', 'set session_replication_role = replica'],
  )
  for (const text of statements) {
    const refused = (error: { code?: string }) => ['42501', '0A000'].includes(error.code ?? '')
    await assert.rejects(client.query(text), refused, text)
  }
  await client.end()
})

test('an untouched trail verifies, with the heads of the database and of the store', async () => {
  const { bad, rows, heads } = await audit.verify()
  assert.deepEqual([bad, rows, heads], [undefined, 30, 3])
})

const attacks: [what: string, statements: string, sequence: number, says: RegExp][] = [
  ['an edited kind', `update events set kind = 'thing.other' where ${EVENT(7)}`, 7, /was changed/],
  [
    'edited data',
    `update events set data = data || '{"text": "x"}' where ${EVENT(30)}`,
    30,
    /was changed/,
  ],
  [
    'an edited actor',
    `update events set actor = actor || '{"userId": "usr_bob"}' where ${EVENT(1)}`,
    1,
    /was changed/,
  ],
  [
    'an edited time',
    `update events set occurred_at = occurred_at + interval '1 microsecond' where ${EVENT(12)}`,
    12,
    /was changed/,
  ],
  ['an edited result', `update events set result = 'refused' where ${EVENT(8)}`, 8, /was changed/],
  ['an edited target', `update events set target = 'thg_0' where ${EVENT(8)}`, 8, /was changed/],
  ['an edited account', `update events set account_id = null where ${EVENT(8)}`, 8, /was changed/],
  [
    'an edited address',
    `update events set personal = '{"salt":"x","address":"192.0.2.99"}' where ${EVENT(9)}`,
    9,
    /tells of a person was changed/,
  ],
  [
    'an address with its digest',
    `update events set personal = '{}', personal_digest = sha256('{}') where ${EVENT(9)}`,
    9,
    /was changed/,
  ],
  ['a deleted event', `delete from events where ${EVENT(14)}`, 14, /is gone/],
  ['the first event deleted', `delete from events where ${EVENT(1)}`, 1, /is gone/],
  ['the last event deleted', `delete from events where ${EVENT(30)}`, 30, /is gone/],
  [
    'an event with its link deleted',
    `delete from events where ${EVENT(14)}; delete from audit_chain where sequence = 14`,
    14,
    /link is not in the chain/,
  ],
  [
    'an edited link',
    `update audit_chain set hash = sha256('x') where sequence = 5`,
    5,
    /was changed/,
  ],
  [
    'a link that names another event',
    `update audit_chain set event_id = 'evt_x' where sequence = 5`,
    5,
    /stands in its place/,
  ],
  [
    'an inserted event',
    `insert into events (epoch, xid, id, event_id, kind, actor, data, occurred_at)
      select epoch, xid, id + 1000000, 'evt_forged', kind, actor, data, occurred_at from events where ${EVENT(6)}`,
    ...([7, /evt_forged stands before it/] as const),
  ],
  [
    'an event inserted before all',
    `insert into events (epoch, xid, id, event_id, kind, actor, data, occurred_at)
      select epoch, '1', 1, 'evt_forged', kind, actor, data, occurred_at from events where ${EVENT(6)}`,
    ...([1, /evt_forged stands before it/] as const),
  ],
  [
    'two events that change places',
    `with pair as (
        select event_id, xid, id, lead(xid) over w as xid2, lead(id) over w as id2, lag(xid) over w as xid3, lag(id) over w as id3
        from events where event_id in (select event_id from audit_chain where sequence in (16, 18))
        window w as (order by xid, id))
      update events set xid = coalesce(xid2, xid3), id = coalesce(id2, id3) from pair where events.event_id = pair.event_id`,
    ...([16, /stands in its place/] as const),
  ],
  [
    'two links that change places',
    `update audit_chain set sequence = -sequence + 1000 where sequence in (16, 17);
      update audit_chain set sequence = 1000 - sequence + case sequence when 984 then 1 else -1 end where sequence > 900`,
    ...([16, /stands before it|is gone/] as const),
  ],
  [
    'a cut tail that reaches behind a head',
    `delete from events where event_id in (select event_id from audit_chain where sequence > 18);
      delete from audit_chain where sequence > 18`,
    ...([19, /is missing: the head of 2026-11-21/] as const),
  ],
  [
    'a deleted head',
    `delete from audit_heads where day = '2026-11-20'`,
    20,
    /the head before that of 2026-11-21 is gone/,
  ],
  [
    'an edited head',
    `update audit_heads set last_sequence = 9 where day = '2026-11-20'`,
    9,
    /is not as it was signed/,
  ],
  [
    'a key that is put in place of ours',
    `update audit_keys set sealed_private = 'x'`,
    10,
    /signed with the key/,
  ],
]

for (const [what, statements, sequence, says] of attacks) {
  test(`T65: ${what} is found at row ${sequence}`, async () => {
    const { bad, rows } = await audit.after(statements)
    assert.equal(bad?.sequence, sequence)
    assert.match(bad.what, says)
    assert.ok(rows <= 30)
  })
}

test('T65: a tail that is cut off with its heads is found by a head that was kept elsewhere', async () => {
  const cut = `
    delete from audit_heads where last_sequence > 8;
    delete from events where event_id in (select event_id from audit_chain where sequence > 8);
    delete from audit_chain where sequence > 8`
  assert.equal((await audit.after(cut, { withoutStore: true })).bad, undefined)
  assert.equal((await audit.after(cut)).bad?.sequence, 9)
  const [, first] = await readHeads(audit.kernel.db, { limit: 2 })
  const { bad } = await audit.after(cut, { withoutStore: true, kept: first! })
  assert.equal(bad?.sequence, 9)
  assert.match(bad.what, /head of 2026-11-20 \(a file\) says that the chain went to 10/)
})

test('T65: a chain that the database’s owner makes anew from a changed row on no longer fits its heads', async () => {
  const rewriteFrom15 = async (db: Db) => {
    await sql.raw(`update events set kind = 'thing.other' where ${EVENT(15)}`).execute(db)
    await relink(db)
  }
  const { bad } = await audit.asOwner(rewriteFrom15)
  assert.equal(bad?.sequence, 11)
  assert.match(bad.what, /made anew somewhere from here to 20/)

  const withoutHeads = async (db: Db) => {
    await rewriteFrom15(db)
    await sql`delete from audit_heads`.execute(db)
  }
  assert.equal((await audit.asOwner(withoutHeads, { withoutStore: true })).bad, undefined)
  assert.equal((await audit.asOwner(withoutHeads)).bad?.sequence, 1)
  const [kept] = await readHeads(audit.kernel.db, { limit: 1 })
  const { bad: found } = await audit.asOwner(withoutHeads, { withoutStore: true, kept: kept! })
  assert.equal(found?.sequence, 1)
  assert.match(found.what, /from here to 20.*\(a file\)/)
})

test('T65: a head that was kept elsewhere counts only as it was signed', async () => {
  const [head] = await readHeads(audit.kernel.db, { limit: 1 })
  const kept = { ...head!, lastSequence: 19 }
  const { bad } = await audit.verify({ kept })
  assert.match(bad!.what, /\(a file\) is not as it was signed/)
  assert.equal((await audit.verify({ kept: head! })).bad, undefined)
})

test('what tells of a person is erased without a break in the chain, and only of that person', async () => {
  const { db, ctx } = audit.kernel
  const texts = async () => JSON.stringify(await readLines(db, LOG_START, 100))
  assert.match(await texts(), /192\.0\.2\.1.*thg_4@example\.test/)
  await erasePerson(ctx, 'usr_bob')
  assert.match(await texts(), /192\.0\.2\.1/)
  await erasePerson(ctx, USER.userId)
  await audit.chain()
  assert.doesNotMatch(await texts(), /192\.0\.2\.1|@example\.test|test\/1/)
  const { bad, erased, rows } = await audit.verify()
  assert.deepEqual([bad, erased, rows], [undefined, 30, 31])
})

/** The same work that the worker does, over what is there now. */
async function relink(db: Db): Promise<void> {
  let hash = START_HASH
  for (const { line, eventId } of await readLines(db, LOG_START, 100)) {
    hash = linkHash(hash, line)
    await sql`update audit_chain set hash = decode(${hash}, 'hex') where event_id = ${eventId}`.execute(
      db,
    )
  }
}
