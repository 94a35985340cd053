import { problems } from '../problems.ts'
import type { OpenSocket, SocketGrant } from './session-node.ts'

const MAX_SOCKETS = 64
/** Service restart: a client that was cut may come again. POLICY is for those whose grant is gone. */
const GOING_AWAY = 1001
const POLICY = 1008

/** The DevTools and live-view sockets of one session. */
export class SessionSockets {
  readonly #open = new Map<OpenSocket, SocketGrant>()
  /** Those whose browser has not answered yet. */
  #opening = 0
  #generation: number
  #isOver = false

  /** @param generation of the URLs that count */
  constructor(generation: number) {
    this.#generation = generation
  }

  /** @throws problem `session.too_many_sockets`, or whatever `open` throws */
  async add(grant: SocketGrant, open: () => Promise<OpenSocket>): Promise<OpenSocket> {
    const many = this.#open.size + this.#opening
    if (many >= MAX_SOCKETS) throw problems.tooManySockets({ limit: MAX_SOCKETS })
    this.#opening++
    const socket = await open().finally(() => this.#opening--)
    this.#open.set(socket, grant)
    void socket.closed.finally(() => this.#open.delete(socket))
    if (this.#isOver || grant.generation < this.#generation) socket.close(POLICY, 'revoked')
    return socket
  }

  /** Cuts those of earlier generations. */
  revoke(generation: number): void {
    this.#generation = generation
    for (const [socket, grant] of this.#open) {
      if (grant.generation < generation) socket.close(POLICY, 'the address was revoked')
    }
  }

  /** Cuts all, and whatever opens from now on. */
  end(): void {
    this.#isOver = true
    for (const [socket, { kind }] of this.#open) {
      // The live view has a code of its own for this.
      if (kind === 'cdp') socket.close(GOING_AWAY, 'the session has ended')
    }
  }
}
