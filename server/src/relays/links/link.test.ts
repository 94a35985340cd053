import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { test } from 'node:test'
import { Link, LinkLost } from './link.ts'

/** Both ends of a connection, as HTTP servers take them: each may end its half alone. */
async function pair(): Promise<{ ours: Socket; theirs: Socket } & AsyncDisposable> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const theirs = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [ours] = (await once(server, 'connection')) as [Socket]
  return {
    ...{ ours, theirs },
    async [Symbol.asyncDispose]() {
      ours.destroy()
      theirs.destroy()
      server.close()
    },
  }
}

test('an agent that hangs up takes its link and all on it along, at once', async () => {
  await using sockets = await pair()
  const closed = Promise.withResolvers<Link>()
  sockets.ours.on('error', () => {})
  const names = { id: 'lnk_a', runId: 'tar_a', label: 'default' }
  const link = new Link(sockets.ours, names, { onMessage: () => {}, onClosed: closed.resolve })
  const endpoint = {
    id: 'tep_a',
    url: 'http://127.0.0.1:1',
    agent: 'default',
    priority: 0,
    weight: 1,
  }
  const stream = link.connect('tun_a', endpoint, '192.0.2.1')
  const ended = new Promise<void>((resolve) => stream.once('close', () => resolve()))
  stream.on('error', () => {})
  sockets.theirs.resume()
  sockets.theirs.end()
  assert.equal(await closed.promise, link)
  await ended
  assert.ok(!link.isOpen && link.streams === 0)
  assert.throws(() => link.connect('tun_a', endpoint, '192.0.2.1'), LinkLost)
})
