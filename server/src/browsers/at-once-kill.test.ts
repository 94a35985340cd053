import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import pg from 'pg'
import { clientConfig, type DatabaseAddress } from '#kernel/db.ts'
import { eventually } from '#kernel/test-support.ts'
import { Account } from '#test/faults/account.ts'
import { ServerHome } from '#test/process.ts'

const LATER_MS = 60_000
const ENV = { WARM_BROWSERS: '1', MAX_SESSIONS: '2' }

const isRecord = (name: string) => name.endsWith('.json')

/** The browsers that the server keeps on its disk: the sessions that have one, and how many wait for one. */
async function slotsOf({ path }: ServerHome) {
  const directory = join(path, 'run/slots')
  const texts = await Promise.all(
    (await readdir(directory))
      .filter(isRecord)
      .map((name) => readFile(join(directory, name), 'utf8').catch(() => '{}')),
  )
  const slots = texts.map(
    (text) => JSON.parse(text) as { endpoint?: string; session?: { sessionId: string } },
  )
  const ids = slots.flatMap(({ session }) => session?.sessionId ?? [])
  return { ids, ready: slots.filter(({ endpoint, session }) => endpoint && !session).length }
}

test('a kill -9 between the claim of a browser and its row leaves neither', async () => {
  await using home = await ServerHome.make()
  await using first = await (await home.start(ENV)).ready()
  const ann = await Account.register(first.url)
  const isReady = async () => (await slotsOf(home)).ready === 1
  await eventually('a browser is ready', isReady, LATER_MS)

  const address = await readFile(join(home.path, 'run/postgres.json'), 'utf8')
  const holder = new pg.Client(clientConfig(JSON.parse(address) as DatabaseAddress))
  holder.on('error', () => {})
  await holder.connect()
  await holder.query('begin; lock table browser_sessions in exclusive mode')
  const cut = ann.post('/sessions').catch(() => 'cut')
  const claimed = async () => (await slotsOf(home)).ids[0]
  const id = await eventually('its browser is claimed', claimed, LATER_MS)
  first.signal('SIGKILL')
  await first.ended
  assert.equal(await cut, 'cut')
  await holder.end()

  const PORT = new URL(first.url).port
  await using second = await (await home.start({ ...ENV, PORT })).ready()
  const isGone = async () => !(await slotsOf(home)).ids.includes(id)
  await eventually('what was claimed is ended', isGone, LATER_MS)
  assert.deepEqual((await ann.get('/sessions')).body.items, [])
  assert.equal((await ann.get(`/sessions/${id}`)).status, 404)

  const { status, body } = await ann.post('/sessions')
  assert.deepEqual([status, body.status], [201, 'active'])
  const { wipe } = (await ann.delete(`/sessions/${body.id}`)).body
  assert.deepEqual(wipe, { processes: 0, directories: 0, sockets: 0 })
  second.signal('SIGTERM')
  assert.deepEqual(await second.ended, { code: 0, signal: null })
  assert.deepEqual(home.processes(), [])
})
