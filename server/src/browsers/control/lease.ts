import type { Clock } from '#kernel/clock.ts'
import type { Logger } from '#kernel/log.ts'
import {
  Announcer,
  type ControlChange,
  type ControlListener,
  type Holder,
  type ReturnReason,
  sameHolder,
} from './changes.ts'
import { Presence } from './presence.ts'
import { type PendingRequest, WaitingList } from './waiting-list.ts'

export type { ControlChange, Holder, PendingRequest, ReturnReason }

export interface ControlState {
  /** Absent while everybody who may write to the session may drive. */
  holder?: Holder
  /** ISO, as `expiresAt`; both only while somebody holds control. */
  grantedAt?: string
  expiresAt?: string
  requests: readonly PendingRequest[]
}

/** What a restarted process needs to go on; plain JSON. */
export interface ControlSnapshot extends ControlState {
  /** The holder was watching, and has to come back within the time to do so. */
  watching: boolean
}

export interface ControlLeaseOptions {
  clock: Clock
  /** Called with every change, in order; a throw is logged. */
  onChange: (change: ControlChange) => void
  log?: Logger
  /** Longest time that one grant or renewal lasts; an hour unless given. */
  maxSeconds?: number
  /** How long a holder who watched may be without any live view; 30 s unless given. */
  goneAfterSeconds?: number
  /** How long a request waits; 10 minutes unless given. */
  requestSeconds?: number
  /** How many may wait; 20 unless given. */
  maxRequests?: number
}

interface Grant {
  holder: Holder
  grantedAtMs: number
  expiresAtMs: number
}

interface Wish {
  /** Bounded to 1 and the lease's longest time. */
  seconds: number
  reason?: string
}

const MAX_TIMER_MS = 2 ** 31 - 1

/**
 * Who drives one session's browser: one holder at a time, or nobody, and then everybody may. Every answer is as of the clock's
 * present time, so a holder whose time is over has lost control before anybody asks, whether or not a timer has run.
 */
export class ControlLease implements Disposable {
  readonly #clock: Clock
  readonly #maxSeconds: number
  readonly #requestMs: number
  readonly #announcer: Announcer
  readonly #presence: Presence
  readonly #waiting: WaitingList
  #grant: Grant | undefined
  #timer: NodeJS.Timeout | undefined
  #disposed = false

  constructor(options: ControlLeaseOptions) {
    const { clock, onChange, log, maxSeconds = 3600, goneAfterSeconds = 30 } = options
    this.#clock = clock
    this.#maxSeconds = maxSeconds
    this.#requestMs = (options.requestSeconds ?? 600) * 1000
    this.#announcer = new Announcer(log)
    this.#announcer.subscribe(onChange)
    this.#presence = new Presence(goneAfterSeconds * 1000)
    this.#waiting = new WaitingList(options.maxRequests ?? 20)
  }

  get state(): ControlState {
    this.#settle()
    const requests = this.#waiting.all.map((request) => ({ ...request }))
    if (!this.#grant) return { requests }
    const { holder, grantedAtMs, expiresAtMs } = this.#grant
    return {
      holder: { ...holder },
      grantedAt: iso(grantedAtMs),
      expiresAt: iso(expiresAtMs),
      requests,
    }
  }

  /**
   * Asks for control. Free: granted at once; held by the asker: renewed; held by another: the request waits its turn. With
   * `force` it is taken from whoever holds it: the caller has checked that the asker may. 'full' when too many wait already.
   */
  request(holder: Holder, wish: Wish & { force?: boolean }): 'granted' | 'waiting' | 'full' {
    this.#settle()
    this.#presence.forgive(holder)
    const seconds = this.#bounded(wish.seconds)
    const { reason } = wish
    if (sameHolder(this.#grant?.holder, holder)) {
      this.renew(holder, seconds)
      return 'granted'
    }
    if (!this.#grant) this.#announcer.tell(this.#give(holder, { seconds, reason }))
    else if (wish.force) this.#pass('taken', holder, { seconds, reason })
    else return this.#enqueue(holder, { seconds, reason })
    this.#arm()
    return 'granted'
  }

  /**
   * Hands control from its holder (or, while it is free, from anybody) to `to`, or else to whoever waits first. 'refused' when
   * another holds it, 'free' when there is nobody to hand it to.
   */
  offer(
    from: Holder,
    to?: Holder,
    wish: Wish = { seconds: Infinity },
  ): 'granted' | 'free' | 'refused' {
    if (!this.mayDrive(from)) return 'refused'
    if (to && !this.#grant) return this.request(to, wish) === 'granted' ? 'granted' : 'refused'
    if (to && !sameHolder(to, from)) {
      this.#pass('returned', to, { seconds: this.#bounded(wish.seconds), reason: wish.reason })
    } else if (!to) this.return(from, wish.reason)
    return this.#grant ? 'granted' : 'free'
  }

  /** Gives control back, to whoever waits first; from somebody who only waits, gives up the request. Undefined for anybody else. */
  return(holder: Holder, reason?: string): 'returned' | 'withdrawn' | undefined {
    this.#settle()
    if (sameHolder(this.#grant?.holder, holder)) {
      this.#passOn('returned', reason)
      return 'returned'
    }
    if (!this.#waiting.take(holder)) return undefined
    this.#announcer.tell({ name: 'control.withdrawn', holder })
    this.#arm()
    return 'withdrawn'
  }

  /** Counts the holder's time from now; false when somebody else, or nobody, holds control. */
  renew(holder: Holder, seconds: number): boolean {
    this.#settle()
    const grant = this.#grant
    if (!grant || !sameHolder(grant.holder, holder)) return false
    this.#presence.forgive(holder)
    grant.expiresAtMs = this.#now() + this.#bounded(seconds) * 1000
    const expiresAt = iso(grant.expiresAtMs)
    this.#announcer.tell({ name: 'control.renewed', holder: grant.holder, expiresAt })
    this.#arm()
    return true
  }

  /** Whether commands and input of this holder are to be taken now. */
  mayDrive(holder: Holder): boolean {
    this.#settle()
    return !this.#grant || sameHolder(this.#grant.holder, holder)
  }

  /** Whether this holder has control, and nobody else. */
  holds(holder: Holder): boolean {
    this.#settle()
    return sameHolder(this.#grant?.holder, holder)
  }

  /** Tells of changes from now on. */
  subscribe(listener: ControlListener): Disposable {
    return this.#announcer.subscribe(listener)
  }

  /** Says that the holder watches a live view, until disposed. Without any for a while, control and requests are lost ('gone'). */
  watch(holder: Holder): Disposable {
    this.#presence.arrive(holder)
    let watching = true
    return {
      [Symbol.dispose]: () => {
        if (!watching) return
        watching = false
        const matters = this.holds(holder) || this.#waiting.find(holder) !== undefined
        this.#presence.leave(holder, matters ? this.#now() : undefined)
        this.#arm()
      },
    }
  }

  snapshot(): ControlSnapshot {
    const state = this.state
    const watching = state.holder !== undefined && this.#presence.knows(state.holder)
    return { ...state, watching }
  }

  /** Goes on from a snapshot, without announcing it again; what is over meanwhile is announced as over. */
  restore({ holder, grantedAt, expiresAt, requests, watching }: ControlSnapshot): void {
    for (const request of requests) this.#waiting.add(request)
    if (holder && grantedAt && expiresAt) {
      const [grantedAtMs, expiresAtMs] = [Date.parse(grantedAt), Date.parse(expiresAt)]
      this.#grant = { holder, grantedAtMs, expiresAtMs }
      if (watching) this.#presence.expect(holder, this.#now())
    }
    this.#settle()
    this.#arm()
  }

  [Symbol.dispose](): void {
    this.#disposed = true
    clearTimeout(this.#timer)
  }

  #now(): number {
    return this.#clock.now().getTime()
  }

  /** Not a number counts as the least, so that no grant is without an end. */
  #bounded(seconds: number): number {
    return seconds > 1 ? Math.min(seconds, this.#maxSeconds) : 1
  }

  #enqueue(holder: Holder, { seconds, reason }: Wish): 'waiting' | 'full' {
    const requestedAt = iso(this.#now())
    const added = this.#waiting.add({ holder, seconds, reason, requestedAt })
    if (added === 'full') return 'full'
    if (added === 'added')
      this.#announcer.tell({ name: 'control.requested', holder, seconds, reason })
    this.#arm()
    return 'waiting'
  }

  #give(holder: Holder, { seconds, reason }: Wish, from?: Holder): ControlChange {
    this.#waiting.take(holder)
    const grantedAtMs = this.#now()
    const expiresAtMs = grantedAtMs + seconds * 1000
    this.#grant = { holder, grantedAtMs, expiresAtMs }
    return { name: 'control.granted', holder, expiresAt: iso(expiresAtMs), reason, from }
  }

  #pass(why: ReturnReason, to: Holder, wish: Wish): void {
    const { holder } = this.#grant!
    const granted = this.#give(to, wish, holder)
    const { reason } = wish
    this.#announcer.tell({ name: 'control.returned', holder, why, to, reason }, granted)
    this.#arm()
  }

  /** Ends the grant; the state is what it becomes before anybody is told. */
  #passOn(why: ReturnReason, reason?: string): void {
    const { holder } = this.#grant!
    const next = this.#waiting.takeFirst()
    this.#grant = undefined
    const granted = next && this.#give(next.holder, next, holder)
    const returned = { name: 'control.returned', holder, why, to: next?.holder, reason } as const
    this.#announcer.tell(returned, ...(granted ? [granted] : []))
    this.#arm()
  }

  /** Lets what is over by now be over. */
  #settle(): void {
    const now = this.#now()
    const gone = this.#presence.takeGone(now)
    const withdrawn = [
      ...this.#waiting.takeOlderThan(now - this.#requestMs),
      ...gone
        .map((holder) => this.#waiting.take(holder))
        .filter((request) => request !== undefined),
    ]
    this.#announcer.tell(
      ...withdrawn.map(({ holder }) => ({ name: 'control.withdrawn', holder }) as const),
    )
    const grant = this.#grant
    if (!grant) return
    if (grant.expiresAtMs <= now) this.#passOn('expired')
    else if (gone.some((holder) => sameHolder(holder, grant.holder))) this.#passOn('gone')
  }

  #arm(): void {
    clearTimeout(this.#timer)
    const dueMs = Math.min(
      this.#grant?.expiresAtMs ?? Infinity,
      this.#presence.nextGoneMs,
      ...this.#waiting.all.map(({ requestedAt }) => Date.parse(requestedAt) + this.#requestMs),
    )
    if (this.#disposed || dueMs === Infinity) return
    const delayMs = Math.min(Math.max(dueMs - this.#now(), 1), MAX_TIMER_MS)
    const wake = () => {
      this.#settle()
      this.#arm()
    }
    this.#timer = setTimeout(wake, delayMs).unref()
  }
}

function iso(timeMs: number): string {
  return new Date(timeMs).toISOString()
}
