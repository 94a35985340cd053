import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { sha256 } from '#kernel/crypto.ts'
import { openTestKernel } from '#kernel/test-kernel.ts'
import { eventually } from '#kernel/test-support.ts'
import { cloneDatabase } from '#test/database.ts'
import { sendMail } from './index.ts'
import { TestMailServer } from './test-mail-server.ts'
import { mailJobs } from './test-worker.ts'

test('a worker that is killed while it sends loses no mail: another sends it, under the same Message-ID', async () => {
  await using database = await cloneDatabase()
  const { address } = database
  const masterKey = sha256('the master key of two processes')
  // It has the mail and does not say so: whether it counts, only a second try can tell.
  await using server = await TestMailServer.open({
    take: (_mail, before) => (before === 0 ? 'silence' : undefined),
  })
  const jobs = mailJobs(server.url)
  await using kernel = await openTestKernel({ address, jobs, masterKey })
  const program = import.meta.resolve('./test-worker.ts').slice('file://'.length)
  const given = { address, masterKey: masterKey.toString('hex'), url: server.url }
  const worker = spawn(process.execPath, [program, JSON.stringify(given)], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const values = { until: '2026-11-20T12:00:00.000Z' }
  const to = 'ann@example.test'
  const id = await sendMail(kernel.ctx, { to, template: 'sign_in_locked', values })
  await eventually('the mail is on its way', () => server.seen.length === 1)
  worker.kill('SIGKILL')
  await once(worker, 'exit')

  await kernel.work()
  await eventually('it is sent again', () => server.taken.length === 1)
  const ids = server.seen.map(({ raw }) => /^Message-ID: (.*)\r$/m.exec(raw)?.[1])
  assert.deepEqual(ids, Array(2).fill(`<${id}@gantry.test>`))
  const row = await eventually('the row knows', async () => {
    const found = await kernel.db.selectFrom('mails').selectAll().executeTakeFirstOrThrow()
    return found.endedAt ? found : undefined
  })
  assert.deepEqual([row.status, row.attempts, row.sealedValues], ['sent', 1, null])
})
