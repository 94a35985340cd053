import { EventEmitter, once } from 'node:events'
import { GantryError } from '../error.ts'
import type { AgentEvents, AgentOptions, LinkState } from './agent-options.ts'
import { Backoff } from './backoff.ts'
import { type ControlPlane, controlPlaneOf, type Invitation } from './control-plane.ts'
import { enrol, readOptions, type WantedTunnel } from './enrol.ts'
import { HealthChecks } from './health.ts'
import { HeldTunnels, type OpenTunnel } from './held-tunnels.ts'
import type { AgentCalls } from './key-calls.ts'
import type { Link } from './link.ts'
import { LinkKeeper } from './link-keeper.ts'
import type { RelayMessage } from './link-protocol.ts'
import { isPassing, NoConnection, reasonOf } from './problems.ts'
import { Pulse } from './pulse.ts'
import { Runs } from './runs.ts'
import { StandBy } from './stand-by.ts'
import { type Timing, TIMING } from './timing.ts'
import { Unreached } from './unreached.ts'
import { VERSION } from './version.ts'

const LEAVE_MS = 10_000
const MOST_LINKS = 4

/** Holds tunnels open from this machine: dials relays, and leads what visitors send to local services. */
export class TunnelAgent extends EventEmitter<AgentEvents> implements AsyncDisposable {
  /**
   * Resolves when it was asked to end. Rejects with `TunnelLost`, `NoConnection`, or the `GantryError` of what the API refuses,
   * such as a key that was revoked.
   */
  readonly ended: Promise<void>
  readonly #options: AgentOptions
  readonly #label: string
  readonly #wanted: readonly WantedTunnel[]
  readonly #timing: Timing
  readonly #plane: ControlPlane
  readonly #tunnels = new HeldTunnels()
  readonly #runs: Runs
  readonly #keeper: LinkKeeper
  readonly #health: HealthChecks
  readonly #standBy: StandBy
  readonly #unreached = new Unreached((service) => this.emit('unreached', service))
  readonly #stop = new AbortController()
  readonly #end = Promise.withResolvers<void>()
  #leaving: Promise<void> | undefined

  /** @throws TypeError for a target that is none */
  constructor(gantry: AgentCalls, options: AgentOptions, timing: Partial<Timing> = {}) {
    super()
    const { signal } = this.#stop
    this.#options = options
    this.#label = options.label ?? 'default'
    this.#wanted = options.tunnels.map(readOptions)
    this.#timing = { ...TIMING, ...timing }
    this.#plane = controlPlaneOf(gantry)
    this.#runs = new Runs(this.#plane, this.#label, this.#timing, signal)
    this.#health = new HealthChecks((health) => {
      this.emit('health', health)
      for (const link of this.#keeper.links) link.tell({ type: 'health', ...health })
    })
    this.#standBy = new StandBy(this.#plane, this.#timing, signal, (id) => this.#regain(id))
    this.#keeper = new LinkKeeper({
      ...{ wanted: Math.min(Math.max(options.links ?? 2, 1), MOST_LINKS), signal },
      timing: this.#timing,
      invite: (isFresh) => this.#invite(isFresh),
      open: (relay, invitation) => this.#openLink(relay, invitation),
      onOpen: (link) => this.#greet(link),
      onClosed: ({ relay }, why) =>
        this.emit('link', {
          relayId: relay.id,
          status: 'closed',
          ...(why && { why: why.message }),
        }),
      onFailure: (error, nextMs) => this.#judge(error, nextMs),
    })
    this.ended = this.#end.promise
    this.ended.catch(() => {})
    if (options.signal?.aborted) void this.leave()
    options.signal?.addEventListener('abort', () => void this.leave(), { once: true })
  }

  /** Resolves once visitors are served. @throws what `ended` rejects with */
  async open(): Promise<readonly OpenTunnel[]> {
    const opened = once(this, 'link', { signal: this.#stop.signal })
    opened.catch(() => {})
    void this.#run().catch((error: Error) => this.#finish(error))
    await Promise.race([opened, this.ended.then(() => opened)])
    return this.tunnels
  }

  get tunnels(): readonly OpenTunnel[] {
    return this.#tunnels.shown
  }

  get links(): readonly LinkState[] {
    return this.#keeper.links.map(({ relay, leaving, roundTripMs, streams }) => ({
      ...{ relayId: relay.id, status: leaving ? 'draining' : 'open', roundTripMs, streams },
    }))
  }

  /** Takes nothing new, and ends when what is under way has, or after `withinMs`: 10 s unless given. */
  leave(withinMs = LEAVE_MS): Promise<void> {
    return (this.#leaving ??= this.#leave(withinMs))
  }

  /** Ends at once, and cuts what is under way. */
  destroy(): void {
    this.#finish()
    for (const link of this.#keeper.links) link.destroy()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.leave()
  }

  async #run(): Promise<void> {
    const backoff = new Backoff()
    // HTTP/2 and TLS, which take their time to load: while the API answers.
    setImmediate(() => void import('./link.ts').catch(() => {}))
    for (const wanted of this.#wanted) await this.#enrol(wanted, backoff)
    this.emit('tunnels', this.tunnels)
    using _pulse = new Pulse(this.#timing, (what) => this.#wake(what))
    await this.#keeper.run()
  }

  async #enrol(wanted: WantedTunnel, backoff: Backoff): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        this.#tunnels.add(await enrol(this.#plane, wanted, this.#label), wanted)
        return
      } catch (error) {
        const nextMs = backoff.nextMs()
        if (this.#judge(error as Error, nextMs)) await this.#keeper.pause(nextMs)
      }
    }
  }

  async #leave(withinMs: number): Promise<void> {
    this.#finish()
    const closed = Promise.all(this.#keeper.links.map((link) => link.closed))
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(), withinMs)
    await Promise.race([closed, once(late.signal, 'abort')])
    clearTimeout(timer)
    this.destroy()
  }

  /** Nothing new is taken or dialled; links end when what is under way has. */
  #finish(error?: Error): void {
    if (this.#stop.signal.aborted) return
    if (error) this.#end.reject(error)
    else this.#end.resolve()
    this.#stop.abort(new Error('the agent has ended'))
    this.#health[Symbol.dispose]()
    for (const link of this.#keeper.links) link.leave()
  }

  /** Whether to try again. What no attempt can cure ends the agent. */
  #judge(error: Error, nextMs: number): boolean {
    if (!isPassing(error)) {
      this.#finish(error)
    } else if (this.#options.exitOnFailure && this.#keeper.links.length === 0) {
      this.#finish(new NoConnection(error))
    } else {
      this.emit('retry', { message: reasonOf(error), nextMs })
      return true
    }
    return false
  }

  async #invite(isFresh: boolean): Promise<Invitation> {
    await this.#standBy.until(() => this.#tunnels.held.length > 0)
    const { held } = this.#tunnels
    try {
      const invitation = await this.#runs.invite(held, isFresh)
      for (const { tunnelId, code, detail } of invitation.refused)
        this.#lose(tunnelId, code, detail)
      return invitation
    } catch (error) {
      if (!(error instanceof GantryError && error.code === 'tunnel.not_found')) throw error
      await this.#dropDeleted(held, error)
      throw new Error(error.message, { cause: error })
    }
  }

  async #dropDeleted(held: readonly string[], { code, detail }: GantryError): Promise<void> {
    for (const id of held) {
      const known = await this.#plane.get(id).catch((error: unknown) => error)
      if (known instanceof GantryError && known.code === code) this.#lose(id, code, detail ?? code)
    }
  }

  async #openLink(relay: { id: string; url: string }, invitation: Invitation): Promise<Link> {
    const { ticket, runId } = invitation
    const { insecure = false, env = process.env, ca } = this.#options
    try {
      const { Link } = await import('./link.ts')
      return await Link.open({
        ...{ relay, runId, timing: this.#timing, insecure, dialMs: this.#timing.dialMs },
        reach: this.#tunnels.reach,
        dial: { ticket, version: VERSION, signal: this.#stop.signal, env, ca },
        onMessage: (message, link) => this.#hear(message, link),
        onUnreached: (address, why) => this.#unreached.note(address, why),
      })
    } catch (error) {
      // What one relay refuses, such as an old ticket, says nothing of the next attempt; the API is the judge of that.
      if (!(error instanceof GantryError) || error.code === 'tunnel.run_refused') throw error
      throw new Error(`the relay refused: ${error.message}`, { cause: error })
    }
  }

  #greet(link: Link): void {
    for (const health of this.#health.known()) link.tell({ type: 'health', ...health })
    this.#hear(link.welcome, link)
    this.emit('link', { relayId: link.relay.id, status: 'open' })
  }

  #hear(message: RelayMessage, { runId, relay }: Link): void {
    // What an earlier run of this very agent is told is no news.
    const isOurs = runId === this.#runs.id
    if (message.type === 'welcome' || message.type === 'tunnels') this.#take(message.tunnels)
    if (message.type === 'drain') this.emit('link', { relayId: relay.id, status: 'draining' })
    if (message.type === 'relays') this.#keeper.hearOfRelays()
    if (message.type === 'lost' && isOurs) {
      this.#lose(message.tunnelId, message.code, message.detail)
    }
    if (message.type === 'request') {
      const { tunnelId, line, more } = message
      this.emit('request', { ...line, tunnel: this.#tunnels.nameOf(tunnelId), more })
    }
  }

  #take(tunnels: Invitation['tunnels']): void {
    if (this.#tunnels.take(tunnels)) this.emit('tunnels', this.tunnels)
    for (const endpoint of this.#tunnels.unserved()) this.emit('unserved', endpoint)
    this.#health.apply(this.#tunnels.checked(this.#options.insecure ?? false))
  }

  #lose(id: string, code: string, detail: string): void {
    const lost = this.#tunnels.lose(id, code, detail)
    if (!lost) return
    const waits = this.#options.whenLost === 'wait' && code !== 'tunnel.not_found'
    this.#health.apply(this.#tunnels.checked(this.#options.insecure ?? false))
    this.emit('lost', { tunnel: lost.tunnel, code, detail, waits })
    if (waits) this.#standBy.watch(id)
    else if (this.#tunnels.held.length === 0 && !this.#standBy.isWatching) this.#finish(lost)
  }

  /** A new run takes all tunnels, and its links replace those of the one before. */
  #regain(id: string): void {
    this.#tunnels.regain(id)
    this.#runs.renew()
    this.#keeper.replace()
  }

  #wake(what: 'slept' | 'network'): void {
    this.emit('wake', { what })
    for (const link of this.#keeper.links) link.probe()
    this.#keeper.wake()
  }
}
