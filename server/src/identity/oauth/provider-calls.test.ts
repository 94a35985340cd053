import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DestinationRefused } from '#kernel/addresses.ts'
import { ProviderCalls } from './provider-calls.ts'
import { TestServer } from './test-server.ts'

const GET = { method: 'GET', headers: {}, body: undefined, redirect: 'manual' } as const
const log = { warn: () => undefined }

test('a provider that never answers is given up', async () => {
  await using silent = await TestServer.open(() => undefined)
  const named = new URL(silent.origin)
  await using calls = new ProviderCalls({ allow: [], named, log, timeoutMs: 200 })
  const failure = { name: 'FetchFailed', reason: 'timeout' }
  await assert.rejects(async () => calls.fetch(silent.origin, GET), failure)
})

test('the host that the operator named may be private; another port, or none named, may not', async () => {
  await using server = await TestServer.open((_request, response) => response.end('here'))
  await using other = await TestServer.open((_request, response) => response.end('not here'))
  await using calls = new ProviderCalls({ allow: [], named: new URL(server.origin), log })
  assert.equal(await (await calls.fetch(server.origin, GET)).text(), 'here')
  await assert.rejects(async () => calls.fetch(other.origin, GET), DestinationRefused)
  await using strict = new ProviderCalls({ allow: [], log })
  await assert.rejects(async () => strict.fetch(server.origin, GET), DestinationRefused)
  assert.deepEqual(other.asked, [])
})
