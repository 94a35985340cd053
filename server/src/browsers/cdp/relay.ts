import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Logger } from '#kernel/log.ts'
import type { CdpConnection, CdpEnd, CdpLimits, CdpStats } from './connection.ts'
import { withoutCookies } from './cookie-events.ts'
import { Downlink } from './downlink.ts'
import { FrameFault } from './frame-reader.ts'
import { TEXT, closeCodes, closeFrame, frame, readClose } from './frames.ts'
import type { Gate } from './gate.ts'
import type { CdpPolicy } from './scope.ts'
import { Uplink } from './uplink.ts'

interface RelayOptions {
  client: Duplex
  browser: Socket
  gate: Gate
  policy: CdpPolicy
  limits: CdpLimits
  log: Logger
  onActivity(): void
}

/** Answers of our own that may wait for the end of the browser's message before the client is not listened to. */
const MAX_WAITING_BYTES = 256 * 1024
/** How long both sides have to close what was closed. */
const LINGER_MS = 2_000

/**
 * A client and a browser, one connection to each. What the browser says goes through as it comes; each message of the client
 * goes by the gate. Neither is read faster than the other one takes it, so nothing piles up here.
 */
export class Relay implements CdpConnection {
  readonly closed: Promise<CdpEnd>
  readonly #options: RelayOptions
  readonly #client: Duplex
  readonly #browser: Socket
  readonly #up: Uplink
  readonly #down: Downlink
  #end: CdpEnd | undefined
  #stall: NodeJS.Timeout | undefined

  constructor(options: RelayOptions) {
    const { client, browser, gate, limits, policy } = options
    this.#options = options
    this.#client = client
    this.#browser = browser
    this.#down = new Downlink(client, policy === 'driver' ? undefined : withoutCookies)
    this.#up = new Uplink({
      ...{ browser, gate, maxMessageBytes: limits.maxMessageBytes },
      answer: (text) => this.#down.inject(frame(TEXT, Buffer.from(text), false)),
      onClose: (payload) => this.#closedByClient(payload),
    })
    this.closed = this.#listen()
  }

  get stats(): CdpStats {
    return { messages: this.#up.messages, bytesUp: this.#up.bytes, bytesDown: this.#down.bytes }
  }

  /** Takes what came with the two handshakes, and from then on what the sockets bring. */
  start(fromClient: Buffer, fromBrowser: Buffer): void {
    if (fromBrowser.length > 0) this.#fromBrowser(fromBrowser)
    if (fromClient.length > 0) this.#fromClient(Buffer.from(fromClient))
    this.#client.on('data', (chunk: Buffer) => this.#fromClient(chunk))
    this.#browser.on('data', (chunk: Buffer) => this.#fromBrowser(chunk))
    this.#balance()
  }

  close(code: number, reason: string): void {
    if (this.#end) return
    this.#end = { code, reason }
    clearTimeout(this.#stall)
    this.#browser.end()
    this.#browser.resume()
    if (this.#down.atBorder && this.#client.writable) this.#client.end(closeFrame(code, reason))
    else this.#client.destroy()
    this.#client.resume()
    const cut = setTimeout(() => this.#destroy(), LINGER_MS)
    void this.closed.then(() => clearTimeout(cut))
  }

  async #listen(): Promise<CdpEnd> {
    const { log } = this.#options
    for (const socket of [this.#client, this.#browser]) {
      socket.on('error', (error) => log.debug({ err: error }, 'a DevTools socket failed'))
      socket.on('drain', () => this.#balance())
    }
    this.#client.on('end', () => this.close(closeCodes.abnormal, 'the client is gone'))
    this.#browser.on('end', () => this.#lostBrowser())
    this.#browser.on('close', () => this.#lostBrowser())
    if (!this.#client.closed) await once(this.#client, 'close').catch(() => {})
    this.#end ??= { code: closeCodes.abnormal, reason: 'the client is gone' }
    this.#destroy()
    return this.#end
  }

  #fromClient(chunk: Buffer): void {
    if (this.#end) return
    const before = this.#up.messages
    try {
      this.#up.push(chunk)
    } catch (error) {
      return this.#fail(error)
    }
    if (this.#up.messages > before) this.#options.onActivity()
    this.#balance()
  }

  #fail(error: unknown): void {
    if (error instanceof FrameFault) return this.close(error.code, error.message)
    this.#options.log.error({ err: error }, 'a message of a DevTools client could not be judged')
    this.close(closeCodes.internal, 'the message could not be judged')
  }

  #fromBrowser(chunk: Buffer): void {
    if (this.#client.destroyed || this.#client.writableEnded) return
    try {
      this.#down.push(chunk)
    } catch (error) {
      this.#options.log.error({ err: error }, 'the messages of a browser cannot be filtered')
      return this.close(closeCodes.internal, 'the messages of the browser cannot be filtered')
    }
    this.#balance()
  }

  /** The side that takes nothing at the moment keeps the other one from being read. */
  #balance(): void {
    if (this.#end) return
    const clientFull = this.#client.writableNeedDrain
    const browserFull = this.#browser.writableNeedDrain
    if (clientFull !== this.#browser.isPaused()) listen(this.#browser, !clientFull)
    const answersFull = this.#down.waitingBytes > MAX_WAITING_BYTES
    const full = clientFull || browserFull || answersFull
    if (full !== this.#client.isPaused()) listen(this.#client, !full)
    if (clientFull || this.#stall) this.#watchStall(clientFull)
  }

  /** Chromium keeps for a client what that has not read, up to 100 MiB; so a client that reads nothing is let go. */
  #watchStall(clientFull: boolean): void {
    if (!clientFull) {
      clearTimeout(this.#stall)
      this.#stall = undefined
    } else {
      this.#stall ??= setTimeout(() => {
        this.#options.log.warn(this.stats, 'a DevTools client reads nothing and is cut')
        this.#end = { code: closeCodes.policy, reason: 'the client reads nothing' }
        this.#destroy()
      }, this.#options.limits.stallMs)
    }
  }

  #closedByClient(payload: Buffer): void {
    const said = readClose(payload)
    if (said) this.close(said.code, said.reason)
    else this.close(closeCodes.protocolError, 'not a valid close frame')
  }

  #lostBrowser(): void {
    this.close(closeCodes.internal, 'the browser has closed the connection')
  }

  #destroy(): void {
    clearTimeout(this.#stall)
    this.#client.destroy()
    this.#browser.destroy()
  }
}

function listen(to: Duplex, now: boolean): void {
  if (now) to.resume()
  else to.pause()
}
