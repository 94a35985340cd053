import type { Duplex } from 'node:stream'
import type { RelayConfig } from '../control.ts'
import { visitorProblems as problems } from '../gate/problems.ts'
import { answerProblem } from '../http/answer.ts'
import type { Caller } from '../http/passage.ts'
import { serveRequest } from '../http/serve-request.ts'
import type { ServedTunnel } from '../http/served-tunnel.ts'
import type { Sums } from '../http/surroundings.ts'
import { TcpPassing } from '../tcp/tcp-passing.ts'

/** Begins what visitors ask for, unless the relay has as much under way as it may. */
export class Intake {
  readonly #sums: Pick<Sums, 'underWay'>
  readonly #config: () => RelayConfig

  constructor(sums: Pick<Sums, 'underWay'>, config: () => RelayConfig) {
    this.#sums = sums
    this.#config = config
  }

  get isFull(): boolean {
    return this.#sums.underWay >= this.#config().maxConnections
  }

  request(served: ServedTunnel, visit: Parameters<typeof serveRequest>[1]): void {
    if (!this.isFull) return serveRequest(served, visit)
    answerProblem(visit.request, visit.response, problems.relayBusy({ retryAfterSeconds: 1 }))
  }

  /** Resolves when the connection is over. */
  async connection(served: ServedTunnel, socket: Duplex, caller: Caller): Promise<void> {
    if (this.isFull) return void socket.destroy()
    const over = new Promise<void>((resolve) => socket.once('close', () => resolve()))
    await TcpPassing.begin(served, socket, caller)
    await over
  }
}
