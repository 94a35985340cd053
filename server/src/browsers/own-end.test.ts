import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import puppeteer from 'puppeteer-core'
import { eventually } from '#kernel/test-support.ts'
import { type Person, startApp } from '#test/app.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const app = stack.use(await startApp({ browsers: true }))

const kill = (id: string) => process.kill(app.app.browsers!.sessions.host.get(id)!.pid, 'SIGKILL')

async function ends(person: Person, id: string) {
  const rows = await app.app
    .systemContext()
    .db.selectFrom('events')
    .select('data')
    .where('accountId', '=', person.accountId)
    .where('kind', '=', 'session.ended')
    .execute()
  return rows
    .map(({ data }) => data as { id: string; reason: string })
    .filter((end) => end.id === id)
}

test('a crash that came before DELETE stays the reason of the end', async () => {
  const ann = await app.person()
  const { id } = (await ann.post('/v1/sessions')).body
  await ann.post(`/v1/sessions/${id}/execute`, { script: '1' })
  kill(id)
  await eventually('a command is told of it', async () => {
    const { status } = await ann.post(`/v1/sessions/${id}/execute`, { script: '1' })
    return status === 410
  })
  const { status, body } = await ann.delete(`/v1/sessions/${id}`)
  assert.deepEqual([status, body.status, body.endReason], [200, 'error', 'crashed'])
  assert.deepEqual(body.wipe, { processes: 0, directories: 0, sockets: 0 })
  assert.deepEqual(
    (await ends(ann, id)).map(({ reason }) => reason),
    ['crashed'],
  )
})

test('a browser of one connection that crashes did not end by its disconnection', async () => {
  const ann = await app.person()
  const { body } = await ann.post('/v1/api-keys', { name: 'ci', scopes: ['sessions.*'] })
  const browserWSEndpoint = `${app.url.replace('http', 'ws')}/cdp?apiKey=${body.key}`
  const browser = await puppeteer.connect({ browserWSEndpoint })
  const [session] = (await ann.get('/v1/sessions?status=active')).body.items
  kill(session.id)
  const ended = await eventually('it has ended', async () => {
    const { body: now } = await ann.get(`/v1/sessions/${session.id}`)
    return now.wipe && now
  })
  assert.equal(ended.endReason, 'crashed')
  await browser.disconnect()
})

test('an end that was asked for stays one, and is not waited for', async () => {
  const ann = await app.person()
  const { id } = (await ann.post('/v1/sessions')).body
  const answers = await Promise.all([1, 2, 3].map(() => ann.delete(`/v1/sessions/${id}`)))
  for (const { body } of answers) assert.equal(body.endReason, 'asked')
  assert.equal((await ends(ann, id)).length, 1)
})
