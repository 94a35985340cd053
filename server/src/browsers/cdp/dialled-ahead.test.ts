import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { after, test } from 'node:test'
import WebSocket, { WebSocketServer } from 'ws'
import { eventually } from '#kernel/test-support.ts'
import { startBrowser } from '../driver/test-browser.ts'
import { DialledAhead } from './dialled-ahead.ts'
import { TestGateway } from './test-gateway.ts'

const browser = await startBrowser()

test('of two clients at once one gets the connection that is there, and both are answered', async () => {
  using ahead = new DialledAhead(browser.endpoint)
  let given = 0
  const takeConnection = async () => {
    const taken = await ahead.take()
    if (taken) given++
    return taken
  }
  const gateway = await TestGateway.start(browser.endpoint, { takeConnection })
  const clients = await Promise.all([gateway.client(), gateway.client()])
  const answers = await Promise.all(clients.map((client) => client.send('Browser.getVersion')))
  for (const { product } of answers) assert.match(String(product), /Chrome/)
  assert.equal(given, 1)

  clients[0].socket.close()
  await clients[0].closed()
  const again = await gateway.client()
  assert.match(String((await again.send('Browser.getVersion')).product), /Chrome/)
  assert.equal(given, 1)
})

test('what is read and written on it is as on any other connection', async () => {
  using ahead = new DialledAhead(browser.endpoint)
  const takeConnection = () => ahead.take()
  const gateway = await TestGateway.start(browser.endpoint, { takeConnection })
  const client = await gateway.client()
  const { sessionId } = await client.openPage()
  const long = 2 ** 20
  assert.equal(await client.evaluate(`'x'.repeat(${long}).length`, sessionId), long)
  assert.equal((await client.evaluate<string>(`'x'.repeat(${long})`, sessionId)).length, long)
  client.socket.close(1000)
  assert.equal((await client.closed()).code, 1000)
})

test('one whose browser has ended is no connection, and is closed without anybody asking for it', async () => {
  await using far = await FarBrowser.start()
  using ahead = new DialledAhead(far.endpoint)
  const { socket } = await far.accepted()
  const closed = once(socket, 'close')
  socket.end()
  await closed
  assert.equal(await ahead.take(), undefined)
})

test('where nobody listens a client is answered 502 as ever', async () => {
  await using far = await FarBrowser.start()
  const { endpoint } = far
  await far.stop()
  using ahead = new DialledAhead(endpoint)
  const takeConnection = () => ahead.take()
  const gateway = await TestGateway.start(endpoint, { takeConnection })
  assert.match(await failureOf(new WebSocket(gateway.url)), /502/)
})

test('nobody’s connection is closed: disposed of before it is there, or after', async () => {
  await using far = await FarBrowser.start({ holds: true })
  const early = new DialledAhead(far.endpoint)
  await eventually('it is being dialled', () => far.dialling === 1)
  early[Symbol.dispose]()
  far.acceptAll()
  await far.untilClosed(1)

  far.holds = false
  const late = new DialledAhead(far.endpoint)
  await far.accepted(1)
  late[Symbol.dispose]()
  await far.untilClosed(2)
  assert.equal(await late.take(), undefined)
})

test('a client that goes while its connection is being made leaves none', async () => {
  await using far = await FarBrowser.start({ holds: true })
  using ahead = new DialledAhead(far.endpoint)
  const asked = Promise.withResolvers<void>()
  const takeConnection = () => {
    asked.resolve()
    return ahead.take()
  }
  const gateway = await TestGateway.start(far.endpoint, { takeConnection })
  const failed = failureOf(new WebSocket(gateway.url))
  await asked.promise
  await eventually('it is being dialled', () => far.dialling === 1)
  gateway.dropClients()
  assert.match(await failed, /hang up/)
  far.acceptAll()
  await far.untilClosed(1)
  await eventually('the gateway has let go', () => gateway.failures.length === 1)
})

async function failureOf(socket: WebSocket): Promise<string> {
  const [error] = (await once(socket, 'error')) as [Error]
  return error.message
}

/** What a browser is to whoever dials it, and no more. */
class FarBrowser implements AsyncDisposable {
  holds: boolean
  dialling = 0
  readonly #server = createServer()
  readonly #sockets: { socket: Duplex; upgraded: WebSocket }[] = []
  readonly #waiting: (() => void)[] = []
  #closed = 0

  static async start({ holds = false } = {}): Promise<FarBrowser> {
    const far = new FarBrowser(holds)
    await once(far.#server.listen(0, '127.0.0.1'), 'listening')
    return far
  }

  private constructor(holds: boolean) {
    this.holds = holds
    const wss = new WebSocketServer({ noServer: true })
    this.#server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      this.dialling++
      const accept = () =>
        wss.handleUpgrade(request, socket, head, (upgraded) => {
          this.#sockets.push({ socket, upgraded })
          socket.once('close', () => this.#closed++)
        })
      if (this.holds) this.#waiting.push(accept)
      else accept()
    })
    after(() => this.stop())
  }

  get endpoint(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/devtools/browser/x`
  }

  acceptAll(): void {
    for (const accept of this.#waiting.splice(0)) accept()
  }

  async accepted(index = 0) {
    return eventually('it is dialled', () => this.#sockets[index])
  }

  async untilClosed(many: number): Promise<void> {
    await eventually('the connections are closed', () => this.#closed === many)
  }

  async stop(): Promise<void> {
    for (const { upgraded } of this.#sockets) upgraded.terminate()
    this.#server.closeAllConnections()
    await new Promise((done) => this.#server.close(done))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}
