import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { test } from 'node:test'
import pg from 'pg'
import pino from 'pino'
import { systemClock } from '#kernel/clock.ts'
import type { DatabaseAddress } from '#kernel/db.ts'
import { Kms } from '#kernel/secrets/kms.ts'
import { SealingKeys } from '#kernel/secrets/sealing-keys.ts'
import { temporaryHome, temporaryPath } from '#kernel/test-support.ts'
import { readHeads, signHead } from './heads.ts'
import { openTestAudit } from './test-support.ts'

const GANTRY = join(import.meta.dirname, '../../../cli/bin/gantry.mjs')

test('`gantry audit verify` says that all is well, or names the first bad row with exit status 1', async () => {
  await using audit = await openTestAudit()
  const home = await temporaryHome()
  await using keys = await SealingKeys.open({
    ...{ db: audit.kernel.db, clock: systemClock, directory: home.keys, kms: new Kms({}) },
    log: pino({ level: 'silent' }),
  })
  await audit.note(6)
  await audit.chain()
  audit.clock.nextDay()
  await signHead(audit.kernel.ctx, keys.keyring)
  const run = (...args: string[]) => runCommand(audit.address, home.path, args)

  assert.deepEqual(await run(), {
    ...{
      status: 0,
      said: '6 rows are as they were, 1 to 6, with 1 signed heads; personal data of 0 was erased.\n',
    },
  })
  const [head] = await readHeads(audit.kernel.db, { limit: 1 })
  const file = temporaryPath('.json')
  await writeFile(file, JSON.stringify(head))
  const wrong = await run('--from', 'x')
  assert.equal(wrong.status, 1)
  assert.match(wrong.said, /not a sequence number/)

  await asOwner(audit.address, `update events set kind = 'thing.other' where target = 'thg_4'`)
  const edited = await run()
  assert.equal(edited.status, 1)
  assert.match(edited.said, /^Row 4 \(evt_\w+\): its event or its hash was changed\.\n$/)
  assert.equal((await run('--from', '5')).status, 0)

  await asOwner(
    audit.address,
    `
    delete from audit_heads; delete from audit_chain where sequence > 3;
    delete from events where target in ('thg_4', 'thg_5', 'thg_6')`,
  )
  assert.equal((await run()).status, 0)
  const cut = await run('--head', file)
  assert.equal(cut.status, 1)
  assert.match(cut.said, /^Row 4: is missing: the head of 2026-11-20 .* went to 6\.\n$/)
})

async function runCommand(
  { host, port, user, password, database }: DatabaseAddress,
  home: string,
  args: string[],
) {
  const url = `postgres://${user}:${encodeURIComponent(password!)}@localhost:${port}/${database}?host=${encodeURIComponent(host)}`
  const child = spawn(process.execPath, [GANTRY, 'audit', 'verify', ...args], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, DATABASE_URL: url, GANTRY_HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const [out, err, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit'),
  ])
  return { status, said: out + err }
}

async function asOwner(address: DatabaseAddress, statements: string): Promise<void> {
  const client = new pg.Client(address)
  await client.connect()
  await client.query(statements)
  await client.end()
}
