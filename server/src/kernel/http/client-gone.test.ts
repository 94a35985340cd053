import assert from 'node:assert/strict'
import { Agent, get } from 'node:http'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { cloneDatabase } from '#test/database.ts'
import { serve } from '../test-http.ts'
import { openTestKernel } from '../test-kernel.ts'
import { route } from './route.ts'

const database = await cloneDatabase()
const kernel = await openTestKernel({ address: database.address })
after(async () => {
  await kernel[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

const access = { public: 'a test' }

test('a handler is told when its client has gone', async () => {
  const begun = Promise.withResolvers<void>()
  const told = Promise.withResolvers<unknown>()
  const waiting = route({
    ...{ method: 'GET', path: '/wait', summary: 'Wait', access },
    handler: async (ctx) => {
      begun.resolve()
      ctx.signal.addEventListener('abort', () => told.resolve(ctx.signal.reason))
      await told.promise
    },
  })
  const trial = { name: 'trial', summary: '', routes: [waiting] }
  await using server = await serve(kernel, [trial], {})
  const leaving = new AbortController()
  const answer = fetch(`${server.url}/wait`, { signal: leaving.signal })
  await begun.promise
  leaving.abort()
  await assert.rejects(answer, { name: 'AbortError' })
  assert.match(String(await told.promise), /client gone/)
})

test('requests on one connection leave nothing behind on it', async () => {
  const signals: AbortSignal[] = []
  const quick = route({
    ...{ method: 'GET', path: '/quick', summary: 'Answer', access },
    handler: (ctx) => void signals.push(ctx.signal),
  })
  const trial = { name: 'trial', summary: '', routes: [quick] }
  await using server = await serve(kernel, [trial], {})
  const warnings: Error[] = []
  const note = (warning: Error) => warnings.push(warning)
  process.on('warning', note)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  for (let n = 0; n < 30; n++) {
    await new Promise((done) =>
      get(`${server.url}/quick`, { agent }, (answer) => done(text(answer))),
    )
  }
  agent.destroy()
  process.off('warning', note)
  assert.deepEqual(warnings, [])
  assert.equal(signals.length, 30)
  assert.ok(signals.every((signal) => !signal.aborted))
})
