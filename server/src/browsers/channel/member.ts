import type { Socket } from 'socket.io'
import { clientAt } from '#kernel/client.ts'
import type { Context } from '#kernel/context.ts'
import { toProblem } from '#kernel/http/failures.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import type { Situation } from '#kernel/kernel.ts'
import type { Logger } from '#kernel/log.ts'
import type { Refusal } from '#kernel/refusal.ts'
import { Problem } from '#kernel/problem.ts'
import { TokenBucket } from '../live/token-bucket.ts'
import type { BrowserRuntime } from '../runtime.ts'
import type { Lingering } from '../watch/lingering.ts'
import {
  type Authenticate,
  authenticate,
  type Credential,
  credentialOf,
  demand,
  type Given,
  isSamePerson,
  type Person,
  type Redeem,
} from './credential.ts'
import { answer, knows, type Work } from './handlers.ts'
import * as limits from './limits.ts'
import { type Acknowledge, Outlet } from './outlet.ts'
import { channelProblems } from './problems.ts'
import { Watches } from './watches.ts'

export interface MemberParts {
  runtime(): BrowserRuntime
  authenticate: Authenticate
  redeem: Redeem
  contextFor(situation: Pick<Situation, 'actor' | 'client' | 'signal'>): Context
  lingering: Lingering
  log: Logger
  /** Told when a client may not do what its message asks for. */
  refused?: ((refusal: Refusal) => void) | undefined
}

export interface Admitted {
  person: Person
  credential: Credential
}

/** Reasons of a disconnection that was meant: whoever says goodbye does not come back for the rest. */
const MEANT = new Set(['client namespace disconnect', 'server namespace disconnect'])

/** One admitted client. */
export class Member {
  readonly watches: Watches
  person: Person
  readonly #parts: MemberParts
  readonly #outlet: Outlet
  readonly #messages: TokenBucket
  readonly #packets: TokenBucket
  readonly #gone = new AbortController()
  readonly #ctx: Context
  readonly #agent: string | undefined
  #credential: Credential
  #verifiedAtMs: number
  /** Messages that have no answer yet. */
  #open = 0

  constructor(socket: Socket, { person, credential }: Admitted, parts: MemberParts) {
    this.#parts = parts
    this.person = person
    this.#credential = credential
    this.#agent = socket.request.headers['user-agent']
    const client = clientAt(credential.ip, this.#agent)
    this.#ctx = parts.contextFor({ actor: person, client, signal: this.#gone.signal })
    const { clock, correlationId } = this.#ctx
    const { log } = parts
    this.#verifiedAtMs = clock.monotonicMs()
    this.#messages = new TokenBucket(clock, limits.MESSAGES_PER_SECOND, limits.MESSAGES_AT_ONCE)
    this.#packets = new TokenBucket(clock, limits.PACKETS_PER_SECOND, limits.PACKETS_AT_ONCE)
    this.#outlet = new Outlet(socket, { correlationId, log })
    this.watches = new Watches({
      ...{ runtime: parts.runtime(), log },
      deliver: (sessionId, event) => this.#deliver({ sessionId, ...event }),
      whenRead: () => this.#outlet.whenRead(this.#gone.signal),
    })
    // Nothing reaches the socket's listeners: whatever name an event has, it ends here.
    socket.use(([event, ...args]) => {
      this.#take(event, args)
    })
    socket.conn.on('packet', () => this.#countPacket())
    socket.once('disconnect', (reason) => this.#leave(MEANT.has(reason)))
  }

  /** Looks whether the credential still counts, and cuts the client when it does not. */
  async check(): Promise<void> {
    try {
      await this.#verify()
    } catch (error) {
      const isLate = this.#nowMs() > this.#verifiedAtMs + limits.UNVERIFIED_MS
      if (isLate) this.#dismiss(toProblem(error))
    }
  }

  /** Asks nodes again that have been quiet for long. */
  look(): Promise<void> {
    return this.watches.look(this.#context())
  }

  /** Another credential of the same person. @throws problem `channel.other_person`, or why it does not count */
  async renew(given: Given): Promise<void> {
    const credential = await credentialOf(this.#parts.redeem, given, this.#credential)
    const person = await authenticate(this.#parts.authenticate, credential)
    if (!isSamePerson(person, this.person)) throw channelProblems.otherPerson()
    this.#credential = credential
    this.person = person
    this.#verifiedAtMs = this.#nowMs()
  }

  /** Cuts the connection; the client may come back and go on where it was. */
  drop(problem: Problem, code?: number): void {
    this.#outlet.drop(problem, code)
    this.watches.leave(this.#parts.lingering)
  }

  #take(event: unknown, args: unknown[]): void {
    const last = args.at(-1)
    const hasCallback = typeof last === 'function'
    if (hasCallback) args.pop()
    const acknowledge = hasCallback ? (last as Acknowledge) : this.#outlet.complain
    if (this.#outlet.isClosing) return
    if (this.#messages.take(1)) return void this.#answer(String(event), args[0], acknowledge)
    const limit = limits.MESSAGES_PER_SECOND
    this.#outlet.fail(acknowledge, channelProblems.tooManyMessages({ limit }))
  }

  async #answer(event: string, message: unknown, acknowledge: Acknowledge): Promise<void> {
    const after: (() => void)[] = []
    this.#open++
    try {
      const limit = limits.MAX_OPEN_MESSAGES
      if (this.#open > limit) throw channelProblems.tooManyCommands({ limit })
      await this.#verify()
      const runtime = this.#parts.runtime()
      const work: Work = { ctx: this.#context(), runtime, after, member: this }
      this.#outlet.succeed(acknowledge, await answer(work, event, message))
    } catch (error) {
      this.#tellRefused(event, error)
      if (!this.#gone.signal.aborted) this.#outlet.fail(acknowledge, error)
    } finally {
      this.#open--
      for (const effect of after) effect()
    }
  }

  #tellRefused(event: string, error: unknown): void {
    if (!(error instanceof Problem) || error.status !== 403) return
    const { ip } = this.#credential
    this.#parts.refused?.({
      ...{ actor: this.person, client: clientAt(ip, this.#agent), code: error.code },
      correlationId: this.#ctx.correlationId,
      wanted: `WS /socket.io ${knows(event) ? event : 'unknown'}`,
    })
  }

  /** Cuts the client whose credential does not count. @throws why it does not, or cannot be told now */
  async #verify(): Promise<void> {
    const credential = this.#credential
    try {
      const person = await authenticate(this.#parts.authenticate, credential)
      if (!isSamePerson(person, this.person)) throw httpProblems.unauthenticated()
      if (this.watches.ids.length > 0) demand(person, 'sessions.read')
      this.person = person
      this.#verifiedAtMs = this.#nowMs()
    } catch (error) {
      const isRenewed = credential !== this.#credential
      if (error instanceof Problem && !isRenewed) this.#dismiss(error)
      throw error
    }
  }

  #context(): Context {
    return this.#ctx.with({ actor: this.person })
  }

  #nowMs(): number {
    return this.#ctx.clock.monotonicMs()
  }

  #deliver(event: Record<string, unknown>): void {
    if (this.#outlet.deliver(event)) return
    this.drop(channelProblems.tooSlow({ limit: limits.MAX_UNREAD_EVENT_BYTES }))
  }

  #countPacket(): void {
    if (this.#packets.take(1)) return
    this.#dismiss(channelProblems.tooManyMessages({ limit: limits.MESSAGES_PER_SECOND }))
  }

  #dismiss(problem: Problem): void {
    if (this.#outlet.isClosing) return
    this.#parts.log.info({ code: problem.code, actor: this.person.userId }, 'live channel ended')
    this.#outlet.dismiss(problem)
  }

  #leave(isMeant: boolean): void {
    this.watches.leave(isMeant ? undefined : this.#parts.lingering)
    this.#gone.abort(new Error('the client has gone'))
    this.#outlet.close()
  }
}
