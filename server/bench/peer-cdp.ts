/** A process of its own, so that each way to a browser has a core of its own and the same start: `node peer-cdp.ts pipe|gateway <endpoint>`. */
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, connect, createServer } from 'node:net'
import pino from 'pino'
import { openCdp } from '#browsers/cdp/gateway.ts'

const [way, endpoint] = process.argv.slice(2)
const { port, pathname } = new URL(endpoint!)

/** What a proxy can cost at the least: bytes from one socket to the other. */
function pipeServer() {
  return createServer({ noDelay: true }, (client) => {
    const browser = connect({ host: '127.0.0.1', port: Number(port), noDelay: true })
    client.pipe(browser).pipe(client)
    const end = () => [client, browser].forEach((socket) => socket.destroy())
    for (const socket of [client, browser]) socket.on('error', end).on('close', end)
  })
}

function gatewayServer() {
  const log = pino({ level: 'silent' })
  const files = { uploads: '/nowhere', downloads: '/nowhere' }
  return createHttpServer().on('upgrade', (request, socket, head) => {
    void openCdp({
      ...{ request, socket, head, endpoint: endpoint!, policy: 'driver', files, log },
      mayDrive: () => true,
      onActivity: () => {},
    })
  })
}

const server = way === 'pipe' ? pipeServer() : gatewayServer()
await once(server.listen(0, '127.0.0.1'), 'listening')
console.log(`ws://127.0.0.1:${(server.address() as AddressInfo).port}${pathname}`)
