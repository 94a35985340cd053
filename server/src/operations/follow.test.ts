import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { eventually } from '#kernel/test-support.ts'
import type { RecoveryAction } from './index.ts'
import { databaseWithPeople, startProcess } from './test-support.ts'

const database = await databaseWithPeople()
after(() => database[Symbol.asyncDispose]())

const start = (actions: readonly RecoveryAction[] = [], working = true) =>
  startProcess(database.address, { actions, working })

test('a follower gets every change as it comes, and the stream ends with the operation', async () => {
  const steps = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const action: RecoveryAction = {
    name: 'walk-slowly',
    what: 'Take two steps when told',
    run: async (_ctx, progress) => {
      for (const [index, step] of steps.entries()) {
        await step.promise
        await progress(index + 1, steps.length)
      }
      return {}
    },
  }
  await using app = await start([action])
  const { operationId } = (await app.recover('walk-slowly')).body
  const response = await fetch(`${app.server.url}/v1/operations/${operationId}`, {
    headers: { authorization: 'Bearer ann', accept: 'text/event-stream' },
  })
  assert.equal(response.headers.get('content-type'), 'text/event-stream')
  let text = ''
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk
    if (text.includes('"status":"running"')) steps[0]!.resolve()
    if (text.includes('"done":1')) steps[1]!.resolve()
  }
  const states = text
    .split('\n\n')
    .filter((event) => event.startsWith('event: operation\n'))
    .map((event) => JSON.parse(event.slice(event.indexOf('{'))))
  assert.deepEqual(states.at(-1).status, 'succeeded')
  assert.ok(states.some(({ status, progress }) => status === 'running' && progress.done === 1))
})

test('a stream ends when the process stops, and one of another account never begins', async () => {
  await using app = await start([], false)
  const { operationId } = (await app.recover('refresh-settings')).body
  const follow = (as: string) =>
    fetch(`${app.server.url}/v1/operations/${operationId}`, {
      headers: { authorization: `Bearer ${as}`, accept: 'text/event-stream' },
    })
  assert.equal((await follow('bob')).status, 404)
  const response = await follow('ann')
  const reader = response.body!.getReader()
  const first = new TextDecoder().decode((await reader.read()).value)
  assert.match(first, /"status":"queued"/)
  app.stopping.abort()
  assert.deepEqual(await reader.read(), { done: true, value: undefined })
})

test('a process carries so many followers, and has room again when one has gone', async () => {
  await using app = await start([], false)
  const { operationId } = (await app.recover('refresh-settings')).body
  const leaving = new AbortController()
  const follow = (signal?: AbortSignal) =>
    fetch(`${app.server.url}/v1/operations/${operationId}`, {
      headers: { authorization: 'Bearer ann', accept: 'text/event-stream' },
      signal: signal ?? null,
    })
  const [first, ...others] = await Promise.all(
    Array.from({ length: 110 }, (_, index) => follow(index === 0 ? leaving.signal : undefined)),
  )
  assert.equal(first!.status, 200)
  assert.equal(others.filter(({ status }) => status === 503).length, 10)
  leaving.abort()
  await eventually('there is room', async () => (await follow()).status === 200)
  app.stopping.abort()
})

test('a HEAD follows nothing', async () => {
  await using app = await start([], false)
  const { operationId } = (await app.recover('refresh-settings')).body
  const ask = (method: string) =>
    fetch(`${app.server.url}/v1/operations/${operationId}`, {
      method,
      headers: { authorization: 'Bearer ann', accept: 'text/event-stream' },
    })
  for (let n = 0; n < 110; n++) assert.equal((await ask('HEAD')).status, 200)
  const stream = await ask('GET')
  assert.equal(stream.status, 200)
  await stream.body!.cancel()
})
