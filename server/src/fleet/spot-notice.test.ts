import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { test } from 'node:test'
import type { AddressInfo } from 'node:net'
import pino from 'pino'
import { eventually } from '#kernel/test-support.ts'
import { type SpotNotice, watchSpotNotice } from './spot-notice.ts'

/** A metadata service that insists on tokens, as on machines that Gantry launches. */
async function openMetadata() {
  const service = {
    notice: undefined as string | undefined,
    asked: 0,
    token: 'first',
    refused: 0,
    failing: false,
  }
  const server = createServer((request, response) => {
    const { method, url, headers } = request
    if (service.failing) {
      service.refused++
      return response.writeHead(500).end()
    }
    if (method === 'PUT' && url === '/latest/api/token') {
      const seconds = Number(headers['x-aws-ec2-metadata-token-ttl-seconds'])
      return response.writeHead(seconds > 0 ? 200 : 400).end(service.token)
    }
    if (headers['x-aws-ec2-metadata-token'] !== service.token) {
      service.refused++
      return response.writeHead(401).end()
    }
    service.asked++
    const isPath = url === '/latest/meta-data/spot/instance-action'
    return response.writeHead(isPath && service.notice ? 200 : 404).end(service.notice)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return Object.assign(service, {
    baseUrl,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
    },
  })
}

test('the notice is told after any time without one, and across a token that has expired', async () => {
  await using service = await openMetadata()
  const notices: SpotNotice[] = []
  const log = pino({ level: 'silent' })
  const onNotice = (notice: SpotNotice) => void notices.push(notice)
  await using _watch = watchSpotNotice({ log, onNotice, baseUrl: service.baseUrl, everyMs: 10 })
  await eventually('it was asked', () => service.asked > 2)
  assert.deepEqual(notices, [])
  service.token = 'second'
  await eventually('the old token was refused', () => service.refused > 0)
  service.notice = JSON.stringify({ action: 'terminate', time: '2026-11-20T12:02:00Z' })
  await eventually('it was told', () => notices.length > 0)
  assert.deepEqual(notices, [{ action: 'terminate', time: '2026-11-20T12:02:00Z' }])
})

test('a metadata service that fails is asked again and again, and logged once', async () => {
  const lines: string[] = []
  const log = pino({ level: 'warn' }, { write: (line) => void lines.push(line) })
  await using service = await openMetadata()
  service.failing = true
  const { baseUrl } = service
  await using _watch = watchSpotNotice({
    log,
    onNotice: () => assert.fail('there is no notice'),
    baseUrl,
    everyMs: 5,
  })
  await eventually('it was asked often', () => service.refused > 5)
  assert.equal(lines.length, 1)
})
