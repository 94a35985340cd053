import type { RawData, WebSocket } from 'ws'
import type { Clock } from '#kernel/clock.ts'
import type { Logger } from '#kernel/log.ts'
import type { Holder } from '../control/lease.ts'
import type { Audience } from './capture.ts'
import type { Frame } from './frame.ts'
import {
  ClientMessage,
  type CloseReason,
  closeCodes,
  type NoticeCode,
  type ServerMessage,
} from './protocol.ts'
import { TokenBucket } from './token-bucket.ts'
import type { WatchedPage } from './watched-page.ts'

/** Who watches, and what the session lets them do. */
export interface ViewerRights {
  holder: Holder
  mayControl: boolean
  /** May take control from whoever holds it. */
  mayForce?: boolean
}

export interface ViewerParts extends ViewerRights {
  socket: WebSocket
  clock: Clock
  log: Logger
  onMessage(viewer: Viewer, message: ClientMessage): void
  /** There is room for frames again. */
  onReady(viewer: Viewer): void
  /** Something that the viewer should know was not sent, and could be now. */
  onCaughtUp(viewer: Viewer): void
  onClose(viewer: Viewer): void
}

export const FRAMES_IN_FLIGHT = 2
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024
/** Texts are left out beyond it; what they tell is sent afresh later. */
const MAX_TEXT_BUFFERED_BYTES = 1024 * 1024
const MESSAGES_PER_SECOND = 500
const MESSAGES_AT_ONCE = 1_000
/** A long message counts as several. */
const BYTES_PER_MESSAGE = 2_048
const NOTICE_EVERY_MS = 1_000
const CLOSE_WITHIN_MS = 1_000

/** One socket that watches. It is sent the next frame only when it has said that it has shown one of the last two. */
export class Viewer implements Audience {
  readonly holder: Holder
  readonly mayControl: boolean
  readonly mayForce: boolean
  page: WatchedPage | undefined
  /** The viewer chose the page, and does not follow the one in front. */
  pinned = false
  jpegQuality: number | undefined
  readonly #parts: ViewerParts
  readonly #socket: WebSocket
  readonly #messages: TokenBucket
  readonly #noticedAtMs = new Map<NoticeCode, number>()
  #inFlight: number[] = []
  #paused = false
  #maxFps: number | undefined
  #nextFrameAtMs = 0
  #wake: NodeJS.Timeout | undefined
  #progressAtMs: number
  #heardAtMs: number
  #missedTexts = false

  constructor(parts: ViewerParts) {
    const { socket, clock, holder, mayControl, mayForce = false } = parts
    this.#parts = parts
    this.#socket = socket
    this.holder = holder
    this.mayControl = mayControl
    this.mayForce = mayControl && mayForce
    this.#messages = new TokenBucket(clock, MESSAGES_PER_SECOND, MESSAGES_AT_ONCE)
    this.#progressAtMs = this.#heardAtMs = clock.monotonicMs()
    socket.on('message', (data, isBinary) => this.#receive(data, isBinary))
    socket.on('pong', () => this.#hear())
    socket.on('error', (error) => parts.log.debug({ err: error }, 'live view socket failed'))
    socket.on('close', () => this.#end())
  }

  get open(): boolean {
    return this.#socket.readyState === this.#socket.OPEN
  }

  offer({ sequence, packet }: Frame): 'taken' | 'slow' | 'resting' {
    if (this.#paused || !this.open) return 'resting'
    if (this.#inFlight.length >= FRAMES_IN_FLIGHT) return 'slow'
    if (this.#socket.bufferedAmount > MAX_BUFFERED_BYTES) return 'slow'
    const now = this.#parts.clock.monotonicMs()
    if (this.#maxFps && now < this.#nextFrameAtMs) return this.#rest(this.#nextFrameAtMs - now)
    if (this.#maxFps)
      this.#nextFrameAtMs = Math.max(this.#nextFrameAtMs, now - 50) + 1000 / this.#maxFps
    if (this.#inFlight.length === 0) this.#progressAtMs = now
    this.#inFlight.push(sequence)
    this.#socket.send(packet, { binary: true })
    return 'taken'
  }

  tell(message: ServerMessage): void {
    if (!this.open) return
    if (this.#socket.bufferedAmount > MAX_TEXT_BUFFERED_BYTES) this.#missedTexts = true
    else this.#socket.send(JSON.stringify(message))
  }

  /** Says why something was not done; the same once a second at most. */
  notice(code: NoticeCode, message: string): void {
    const now = this.#parts.clock.monotonicMs()
    if (now - (this.#noticedAtMs.get(code) ?? -Infinity) < NOTICE_EVERY_MS) return
    this.#noticedAtMs.set(code, now)
    this.tell({ type: 'notice', code, message })
  }

  ask({ maxFps, jpegQuality }: { maxFps?: number; jpegQuality?: number }): void {
    this.#maxFps = maxFps
    this.jpegQuality = jpegQuality
    this.#nextFrameAtMs = 0
  }

  pause(paused: boolean): void {
    this.#paused = paused
  }

  acknowledge(sequence: number): void {
    this.#inFlight = this.#inFlight.filter((sent) => sent > sequence)
    this.#progressAtMs = this.#parts.clock.monotonicMs()
    this.#parts.onReady(this)
  }

  /** To be called every few seconds: keeps an idle socket alive and ends one that makes no progress for `patienceMs`. */
  check(patienceMs: number): void {
    const now = this.#parts.clock.monotonicMs()
    const stuck = this.#inFlight.length > 0 && now - this.#progressAtMs > patienceMs
    if (stuck) this.close('noProgress')
    else if (now - this.#heardAtMs > patienceMs) this.close('silent')
    else if (this.#socket.bufferedAmount === 0) this.#socket.ping()
  }

  /** A socket that does not answer within a second is cut. */
  close(reason: CloseReason): void {
    const [code, words] = closeCodes[reason]
    if (this.open) this.#parts.log.debug({ viewer: this.holder.id, reason }, 'live view closes')
    this.#socket.close(code, words)
    setTimeout(() => this.#socket.terminate(), CLOSE_WITHIN_MS).unref()
  }

  #receive(data: RawData, isBinary: boolean): void {
    if (!this.open) return
    this.#hear()
    const cost = 1 + (data as Buffer).length / BYTES_PER_MESSAGE
    if (!this.#messages.take(cost)) return this.close('tooManyMessages')
    const message = isBinary ? undefined : this.#parse(data)
    if (message) this.#parts.onMessage(this, message)
    else if (isBinary)
      this.notice('message.invalid', 'Send JSON texts; binary messages mean nothing here.')
  }

  #parse(data: RawData): ClientMessage | undefined {
    try {
      const parsed = ClientMessage.safeParse(JSON.parse((data as Buffer).toString('utf8')))
      if (parsed.success) return parsed.data
      const [issue] = parsed.error.issues
      const where = issue?.path.join('.') || 'the message'
      this.notice('message.invalid', `${where}: ${issue?.message}`.slice(0, 500))
    } catch {
      this.notice('message.invalid', 'The message is not JSON.')
    }
    return undefined
  }

  #hear(): void {
    this.#heardAtMs = this.#parts.clock.monotonicMs()
    if (!this.#missedTexts || this.#socket.bufferedAmount > 0) return
    this.#missedTexts = false
    this.#parts.onCaughtUp(this)
  }

  #rest(forMs: number): 'resting' {
    clearTimeout(this.#wake)
    this.#wake = setTimeout(() => this.#parts.onReady(this), Math.ceil(forMs)).unref()
    return 'resting'
  }

  #end(): void {
    clearTimeout(this.#wake)
    this.#parts.onClose(this)
  }
}
