import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { after } from 'node:test'
import pino from 'pino'
import { type CdpConnection, type OpenCdpOptions, openCdp } from './gateway.ts'
import { TestClient } from './test-client.ts'

/** A gateway to one browser for the rest of the test file. */
export class TestGateway {
  readonly url: string
  readonly directory: string
  /** Connections in the order in which they were made. */
  readonly connections: CdpConnection[] = []
  readonly failures: unknown[] = []
  activities = 0
  closesAsked = 0
  mayDrive = true
  readonly #clients = new Set<Duplex>()

  static async start(
    endpoint: string,
    options: Partial<Pick<OpenCdpOptions, 'policy' | 'limits' | 'ready' | 'takeConnection'>> = {},
  ): Promise<TestGateway> {
    const directory = await mkdtemp(join(tmpdir(), 'gantry-cdp-'))
    after(() => rm(directory, { recursive: true, force: true }))
    await chmod(directory, 0o755)
    for (const name of ['uploads', 'downloads']) {
      await mkdir(join(directory, name))
      // The browser may run as another user.
      await chmod(join(directory, name), 0o777)
    }
    const server = createServer()
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const gateway = new TestGateway((server.address() as AddressInfo).port, directory)
    server.on('upgrade', (request, socket, head) => {
      gateway.#clients.add(socket)
      openCdp({
        ...{ request, socket, head, endpoint, policy: 'driver', log: pino({ level: 'silent' }) },
        files: { uploads: join(directory, 'uploads'), downloads: join(directory, 'downloads') },
        mayDrive: () => gateway.mayDrive,
        onActivity: () => (gateway.activities += 1),
        onBrowserClose: () => (gateway.closesAsked += 1),
        ...options,
      }).then(
        (connection) => gateway.connections.push(connection),
        (error: unknown) => gateway.failures.push(error),
      )
    })
    after(() => {
      for (const connection of gateway.connections) connection.close(1001, 'the test is over')
      server.closeAllConnections()
      server.close()
    })
    return gateway
  }

  private constructor(port: number, directory: string) {
    this.url = `ws://127.0.0.1:${port}/cdp`
    this.directory = directory
  }

  /** Cuts every client that has come. */
  dropClients(): void {
    for (const socket of this.#clients) socket.destroy()
  }

  client(): Promise<TestClient> {
    return TestClient.open(this.url)
  }
}
