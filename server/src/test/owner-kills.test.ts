import assert from 'node:assert/strict'
import { appendFile, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { signalProcess } from '#kernel/processes.ts'
import { eventually } from '#kernel/test-support.ts'
import { Account, type Answer } from './faults/account.ts'
import { ServerHome } from './process.ts'

const CLEAN = { processes: 0, directories: 0, sockets: 0 }

test('sessions that ended while the server was dead end with their reasons, the one that it has written down above all', async () => {
  await using home = await ServerHome.make()
  await using first = await (await home.start({ WARM_BROWSERS: '0' })).ready()
  const ann = await Account.register(first.url)
  const [told, untold] = [await rent(ann), await rent(ann)]
  first.signal('SIGKILL')
  await first.ended
  for (const { pid, cmdline } of home.processes()) {
    if (cmdline.some((part) => part.includes(join(home.path, 'sessions')))) {
      signalProcess(pid, 'SIGKILL')
    }
  }
  await writeDown(home.path, told)

  const { port } = new URL(first.url)
  await using _second = await (await home.start({ WARM_BROWSERS: '0', PORT: port })).ready()
  const ended = await Promise.all([told, untold].map((id) => whenEnded(ann, id)))
  assert.deepEqual(
    ended.map(({ status, endReason, errorMessage, wipe }) => {
      return [status, endReason, errorMessage, wipe]
    }),
    [
      ['error', 'memory', 'it took 900 MiB', CLEAN],
      ['error', 'crashed', 'the browser ended while its node was not running', CLEAN],
    ],
  )
})

async function rent(account: Account): Promise<string> {
  const { status, body } = await account.post('/sessions')
  assert.equal(status, 201, JSON.stringify(body))
  return body.id
}

/** As a server does that is killed before it has told the database: much has happened, and at last the session has ended. */
async function writeDown(home: string, sessionId: string): Promise<void> {
  const path = join(home, 'run/journal.jsonl')
  const numbers = [...(await readFile(path, 'utf8')).matchAll(/"(?:last|upTo|sequence)":(\d+)/g)]
  let sequence = Math.max(...numbers.map(([, number]) => Number(number)))
  const accountId = await accountOf(home, sessionId)
  const about = { sessionId, accountId, atMs: Date.now() }
  const fact = { ...about, kind: 'fact', name: 'session.request_refused' }
  const facts = Array.from({ length: 400 }, (_, index) => ({
    ...fact,
    facts: { host: `${index}.example`, port: 443, reason: 'private' },
  }))
  const end = { ...about, kind: 'ended', reason: 'memory', message: 'it took 900 MiB', wipe: CLEAN }
  const lines = [...facts, end].map((report) => JSON.stringify({ sequence: ++sequence, report }))
  await appendFile(path, `${lines.join('\n')}\n`)
}

async function accountOf(home: string, sessionId: string): Promise<string> {
  const directory = join(home, 'run/slots')
  for (const name of await readdir(directory)) {
    const { session } = JSON.parse(await readFile(join(directory, name), 'utf8'))
    if (session?.sessionId === sessionId) return session.claim.accountId
  }
  throw new Error(`nothing is kept of ${sessionId}`)
}

function whenEnded(account: Account, id: string): Promise<Answer['body']> {
  return eventually('it has ended', async () => {
    const { body } = await account.get(`/sessions/${id}`)
    return body.wipe && body
  })
}
