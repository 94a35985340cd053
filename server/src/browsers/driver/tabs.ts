import type { Logger } from '#kernel/log.ts'
import type { CdpSocket } from './cdp.ts'
import { showAnew } from './show-anew.ts'
import { Tab, type TargetInfo } from './tab.ts'

const PAGES_ONLY = [{ type: 'page' }, { exclude: true }]
/** How long the order of use may take before the order of opening has to do. */
const ORDER_DEADLINE_MS = 1_000
const HOUSEKEEPING_DEADLINE_MS = 10_000

/** The pages of the browser's default context, each with a DevTools session of its own that stays attached. */
export class Tabs {
  readonly #cdp: CdpSocket
  readonly #endpoint: URL
  readonly #log: Logger
  readonly #byId = new Map<string, Tab>()
  readonly #bySession = new Map<string, Tab>()
  readonly #attaching = new Map<string, Promise<void>>()
  #contextId = ''

  private constructor(cdp: CdpSocket, endpoint: string, log: Logger) {
    this.#cdp = cdp
    this.#endpoint = new URL(endpoint)
    this.#log = log
    cdp.onEvent = (method, params, sessionId) => this.#take(method, params, sessionId)
  }

  static async open(
    cdp: CdpSocket,
    endpoint: string,
    log: Logger,
    signal: AbortSignal,
  ): Promise<Tabs> {
    const tabs = new Tabs(cdp, endpoint, log)
    await tabs.#start(signal)
    return tabs
  }

  /** In the order in which they were opened. */
  get all(): readonly Tab[] {
    return [...this.#byId.values()]
  }

  /** The page that commands act on: the most recently opened or activated; undefined when none is open. */
  async current(signal: AbortSignal): Promise<Tab | undefined> {
    await Promise.all(this.#attaching.values())
    if (this.#byId.size <= 1) return this.all[0]
    const used = await this.#idsByUse(signal)
    const known = used.map((id) => this.#byId.get(id)).find((tab) => tab !== undefined)
    return known ?? this.all.at(-1)
  }

  async open(signal: AbortSignal): Promise<Tab> {
    const { targetId } = await this.#cdp.send<{ targetId: string }>(
      'Target.createTarget',
      { url: 'about:blank' },
      { signal },
    )
    await this.#attaching.get(targetId)
    const tab = this.#byId.get(targetId)
    if (!tab) throw new Error('the page was closed as soon as it was opened')
    return tab
  }

  /** Brings a page to the front of its window, where it is painted and takes input. */
  async bringToFront(tab: Tab, signal: AbortSignal): Promise<void> {
    await this.#cdp.send('Target.activateTarget', { targetId: tab.id }, { signal })
  }

  /** Makes a page the one that commands act on. */
  async activate(tab: Tab, signal: AbortSignal): Promise<void> {
    await this.bringToFront(tab, signal)
    if ((await this.current(signal)) !== tab) await showAnew(this.#cdp, tab.id, signal)
  }

  async close(tab: Tab, signal: AbortSignal): Promise<void> {
    await this.#cdp.send('Target.closeTarget', { targetId: tab.id }, { signal })
  }

  /** Closes a page that answers nothing: that takes Chromium a while, in which the page counts no more. */
  async abandon(tab: Tab, signal: AbortSignal): Promise<void> {
    await this.close(tab, signal)
    this.#byId.delete(tab.id)
  }

  /** URL and title of every page, fresh, and also of a page that answers nothing. */
  async describe(signal: AbortSignal): Promise<Map<string, TargetInfo>> {
    const { targetInfos } = await this.#cdp.send<{ targetInfos: TargetInfo[] }>(
      'Target.getTargets',
      { filter: PAGES_ONLY },
      { signal },
    )
    return new Map(targetInfos.map((target) => [target.targetId, target]))
  }

  async #start(signal: AbortSignal): Promise<void> {
    const { defaultBrowserContextId } = await this.#cdp.send<{ defaultBrowserContextId: string }>(
      'Target.getBrowserContexts',
      {},
      { signal },
    )
    this.#contextId = defaultBrowserContextId
    const discovery = { discover: true, filter: PAGES_ONLY }
    await this.#cdp.send('Target.setDiscoverTargets', discovery, { signal })
    await Promise.all(this.#attaching.values())
  }

  #take(method: string, params: Record<string, unknown>, sessionId: string | undefined): void {
    if (sessionId) return this.#bySession.get(sessionId)?.take(method, params)
    const target = params.targetInfo as TargetInfo
    switch (method) {
      case 'Target.targetCreated':
        return this.#attach(target)
      case 'Target.attachedToTarget':
        return this.#add(target, String(params.sessionId))
      case 'Target.detachedFromTarget':
        return this.#detach(String(params.sessionId))
      case 'Target.targetInfoChanged': {
        const tab = this.#byId.get(target.targetId)
        if (tab) tab.url = target.url
        return
      }
      case 'Target.targetCrashed':
        this.#byId.get(String(params.targetId))?.crash(String(params.status))
    }
  }

  /** Not by "auto attach", which holds a new page back until a client lets it go: we would do that before Playwright is ready. */
  #attach({ targetId, browserContextId, subtype }: TargetInfo): void {
    if (browserContextId !== this.#contextId || subtype) return
    const signal = AbortSignal.timeout(HOUSEKEEPING_DEADLINE_MS)
    const attaching = this.#cdp
      .send<void>('Target.attachToTarget', { targetId, flatten: true }, { signal })
      .catch((error: unknown) => this.#log.debug({ err: error }, 'a page was gone at once'))
      .finally(() => this.#attaching.delete(targetId))
    this.#attaching.set(targetId, attaching)
  }

  #add(target: TargetInfo, sessionId: string): void {
    const tab = new Tab(target, sessionId)
    this.#byId.set(tab.id, tab)
    this.#bySession.set(sessionId, tab)
    const signal = AbortSignal.timeout(HOUSEKEEPING_DEADLINE_MS)
    // Without an answer while a dialog holds the page, so nobody waits for it.
    this.#cdp.send('Page.enable', {}, { sessionId, signal }).catch((error: unknown) => {
      this.#log.debug({ err: error }, 'the events of a page are not known')
    })
  }

  #detach(sessionId: string): void {
    const tab = this.#bySession.get(sessionId)
    if (!tab) return
    this.#bySession.delete(sessionId)
    if (this.#byId.get(tab.id) === tab) this.#byId.delete(tab.id)
    tab.leave()
  }

  async #idsByUse(signal: AbortSignal): Promise<string[]> {
    try {
      const response = await fetch(`http://${this.#endpoint.host}/json/list`, {
        signal: AbortSignal.any([signal, AbortSignal.timeout(ORDER_DEADLINE_MS)]),
      })
      const targets = (await response.json()) as { id: string }[]
      return targets.map(({ id }) => id)
    } catch (error) {
      signal.throwIfAborted()
      this.#log.debug({ err: error }, 'the order of the pages is not known')
      return []
    }
  }
}
