import type { Clock } from '#kernel/clock.ts'
import type { Logger } from '#kernel/log.ts'
import type { Connection } from './connection.ts'

/** A page, frame or worker that events come from. */
export interface AttachedTo {
  targetId: string
  /** The target of the page that it belongs to, itself for a page; of a worker shared by pages its own. */
  pageId: string
  source: 'page' | 'frame' | 'worker'
  /** Earlier events were told before, or happened before anybody wanted to know. */
  sinceUnixMs: number
  parent: string | undefined
  eventsThisSecond: number
}

export interface TargetsOptions {
  clock: Clock
  log: Logger
  onMuted: (pageId: string) => void
}

interface TargetInfo {
  targetId: string
  type: string
}

const WITHOUT_PAUSE = { autoAttach: true, waitForDebuggerOnStart: false, flatten: true }
const TOP_LEVEL = [
  { type: 'page' },
  { type: 'service_worker' },
  { type: 'shared_worker' },
  { exclude: true },
]
const NESTED = [{ type: 'iframe' }, { type: 'worker' }, { exclude: true }]
/** No bodies are kept for us to ask for, and none that is sent comes whole. */
const NETWORK = { maxTotalBufferSize: 1, maxResourceBufferSize: 1, maxPostDataSize: 16_384 }
const MAX_TARGETS = 300
const START_WAIT_MS = 2_000
/** More than that from one target in a second, and it is left alone for a while. */
const MUTE_AT = 3_000
const MUTED_MS = 5_000

/** The sessions that are attached to the targets of a browser. None of them ever waits for us. */
export class WatchedTargets implements Disposable {
  readonly #options: TargetsOptions
  readonly #bySession = new Map<string, AttachedTo>()
  readonly #muted = new Map<string, NodeJS.Timeout>()
  readonly #attaching = new Map<string, Promise<void>>()
  readonly #starting = new Set<Promise<unknown>>()
  readonly #second: NodeJS.Timeout
  #connection: Connection | undefined
  #network = false
  #sinceUnixMs: number

  constructor(options: TargetsOptions) {
    this.#options = options
    this.#sinceUnixMs = options.clock.now().getTime()
    this.#second = setInterval(() => {
      for (const target of this.#bySession.values()) target.eventsThisSecond = 0
    }, 1_000).unref()
  }

  async setNetwork(wanted: boolean): Promise<void> {
    if (wanted === this.#network) return
    this.#network = wanted
    const method = wanted ? 'Network.enable' : 'Network.disable'
    const params = wanted ? NETWORK : {}
    const answers = [...this.#bySession.keys()].map(async (session) =>
      this.#connection?.send(method, params, session).catch(() => {}),
    )
    await Promise.all(answers)
  }

  async start(connection: Connection): Promise<void> {
    this.#connection = connection
    await connection.send('Target.setDiscoverTargets', { discover: true, filter: TOP_LEVEL })
    await Promise.race([Promise.all(this.#attaching.values()), pause(START_WAIT_MS)])
    // A page that is busy or holds a dialog answers later; its events come all the same.
    await Promise.race([Promise.all(this.#starting), pause(START_WAIT_MS)])
  }

  forget(): void {
    this.#connection = undefined
    this.#bySession.clear()
    this.#sinceUnixMs = this.#options.clock.now().getTime()
  }

  /** Not by auto attach, which holds a popup back, and with it the page that opens it, even when no pause is asked for. */
  discover({ targetInfo }: Record<string, unknown>): void {
    const { targetId } = targetInfo as TargetInfo
    if (this.#attaching.size + this.#bySession.size >= MAX_TARGETS) return
    const attaching = this.#connection
      ?.send('Target.attachToTarget', { targetId, flatten: true })
      .catch((error: unknown) => this.#options.log.debug({ err: error }, 'a page was gone at once'))
      .finally(() => this.#attaching.delete(targetId))
    if (attaching) this.#attaching.set(targetId, attaching)
  }

  attach(params: Record<string, unknown>, parent: string | undefined): void {
    const session = String(params.sessionId)
    const { targetId, type } = params.targetInfo as TargetInfo
    if (this.#bySession.size >= MAX_TARGETS) {
      this.#connection?.tell('Target.detachFromTarget', { sessionId: session }, parent)
      return
    }
    const pageId = (parent && this.#bySession.get(parent)?.pageId) ?? targetId
    const source = type === 'page' ? 'page' : type === 'iframe' ? 'frame' : 'worker'
    const sinceUnixMs = this.#sinceUnixMs
    const target = { targetId, pageId, source, sinceUnixMs, parent, eventsThisSecond: 0 } as const
    this.#bySession.set(session, { ...target })
    const starting = this.#enable(session, source).finally(() => this.#starting.delete(starting))
    this.#starting.add(starting)
  }

  detach(params: Record<string, unknown>): void {
    this.#bySession.delete(String(params.sessionId))
  }

  /** The target of an event, unless it is unknown or tells too much. */
  admit(session: string, method: string): AttachedTo | undefined {
    const target = this.#bySession.get(session)
    if (!target) return undefined
    // A page that loads much is told of in many small events, and is no flood.
    target.eventsThisSecond += method.startsWith('Network.') ? 0.25 : 1
    if (target.eventsThisSecond <= MUTE_AT) return target
    this.#mute(session, target)
    return undefined
  }

  [Symbol.dispose](): void {
    clearInterval(this.#second)
    for (const timer of this.#muted.values()) clearTimeout(timer)
  }

  async #enable(session: string, source: AttachedTo['source']): Promise<void> {
    const connection = this.#connection
    if (!connection) return
    const send = (method: string, params = {}) => connection.send(method, params, session)
    const domains = [send('Runtime.enable'), send('Log.enable')]
    if (source !== 'worker') domains.push(send('Page.enable'))
    if (this.#network) domains.push(send('Network.enable', NETWORK))
    domains.push(send('Target.setAutoAttach', { ...WITHOUT_PAUSE, filter: NESTED }))
    await Promise.allSettled(domains)
  }

  /** Detaching ends the stream at once, even while the page is too busy to obey. */
  #mute(session: string, { targetId, parent, pageId }: AttachedTo): void {
    for (const [child, target] of this.#bySession) {
      if (child === session || target.parent === session) this.#bySession.delete(child)
    }
    this.#connection?.tell('Target.detachFromTarget', { sessionId: session }, parent)
    this.#options.onMuted(pageId)
    const timer = setTimeout(() => {
      this.#muted.delete(targetId)
      this.#sinceUnixMs = this.#options.clock.now().getTime()
      this.#connection?.tell('Target.attachToTarget', { targetId, flatten: true })
    }, MUTED_MS)
    clearTimeout(this.#muted.get(targetId))
    this.#muted.set(targetId, timer)
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref())
}
