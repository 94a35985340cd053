import type { Clock } from '#kernel/clock.ts'
import type { Logger } from '#kernel/log.ts'
import type { PageFacts } from '../driver/driver.ts'
import type { Connection } from './connection.ts'
import { type DownloadFacts, type OpenedDownload, Downloads } from './downloads.ts'
import type { SessionFeed } from './feed.ts'
import { LastingConnection } from './lasting.ts'
import { OpenPages } from './pages.ts'
import type { TargetFacts } from './target-facts.ts'

export type { DownloadFacts, OpenedDownload }

export interface GuardLimits {
  /** Pages open at once; the newest beyond it are closed. */
  pages: number
  /** Downloads that are remembered, and files kept. */
  downloads: number
  downloadsAtOnce: number
  /** Of all files of the session. */
  downloadBytes: number
}

export interface GuardOptions {
  endpoint: string
  files: { downloads: string }
  feed: SessionFeed
  log: Logger
  clock: Clock
  limits?: Partial<GuardLimits>
}

const LIMITS: GuardLimits = {
  pages: 100,
  downloads: 100,
  downloadsAtOnce: 10,
  downloadBytes: 1024 ** 3,
}
const PAGES_ONLY = [{ type: 'page' }, { exclude: true }]
// The URL of a page may have 2 MiB, in letters that JSON escapes.
const MAX_READ_BYTES = 8 * 1024 * 1024
const LOOK_EVERY_MS = 15_000

/**
 * The one connection that is kept to every live browser: it knows the pages and the downloads, and bounds both. It attaches to no page.
 * When the connection is lost it is opened again; the end of the browser is told by its host.
 */
export class SessionGuard implements Disposable {
  readonly #pages: OpenPages
  readonly #downloads: Downloads
  readonly #onPage: ((facts: PageFacts) => void)[] = []
  #connection: LastingConnection | undefined
  #timer: NodeJS.Timeout | undefined

  private constructor(options: GuardOptions) {
    const limits = { ...LIMITS, ...options.limits }
    const current = () => this.#connection?.current
    this.#pages = new OpenPages({ ...options, limit: limits.pages, current })
    this.#pages.onFacts = (facts) => this.#onPage.forEach((listener) => listener(facts))
    this.#downloads = new Downloads({
      ...options,
      directory: options.files.downloads,
      limits,
      current,
    })
  }

  /** @throws CdpClosed or CdpError when the browser does not answer */
  static async open(options: GuardOptions): Promise<SessionGuard> {
    const guard = new SessionGuard(options)
    guard.#connection = await LastingConnection.open({
      ...options,
      maxReadBytes: MAX_READ_BYTES,
      onEvent: (method, params) => guard.#take(method, params),
      onLost: () => guard.#pages.forget(),
      start: (connection) => guard.#start(connection),
    })
    guard.#timer = setInterval(() => guard.#look(), LOOK_EVERY_MS)
    return guard
  }

  /** Oldest first. */
  downloads(): DownloadFacts[] {
    return this.#downloads.all()
  }

  /** The caller closes the file. @throws problem `download.not_found` or `download.not_ready` */
  openDownload(id: string): Promise<OpenedDownload> {
    return this.#downloads.open(id)
  }

  /** URL and title of the page in front whenever they have changed, at most once a second. */
  onPage(listener: (facts: PageFacts) => void): void {
    this.#onPage.push(listener)
  }

  /**
   * Leads downloads to the session's directory again. To be called when another client has set them elsewhere, or has
   * disconnected after it had: Chromium then goes back to its own default. Without a call it is done within 15 s.
   */
  async claimDownloads(): Promise<void> {
    const connection = this.#connection?.current
    if (connection) await this.#downloads.claim(connection, this.#pages.contexts())
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#connection?.[Symbol.dispose]()
    this.#pages[Symbol.dispose]()
    this.#downloads[Symbol.dispose]()
  }

  async #start(connection: Connection): Promise<void> {
    this.#pages.onContext = (id) => {
      this.#downloads.claim(connection, [id]).catch(() => {})
    }
    // All at once, since a browser that has just begun takes its time over each answer.
    const contexts = connection.send<{ defaultBrowserContextId: string }>(
      'Target.getBrowserContexts',
    )
    await Promise.all([
      contexts.then(({ defaultBrowserContextId: id }) => (this.#pages.defaultContext = id)),
      this.#downloads.claim(connection, []),
      connection.send('Target.setDiscoverTargets', { discover: true, filter: PAGES_ONLY }),
    ])
  }

  #look(): void {
    this.#pages.look()
    this.claimDownloads().catch(() => {})
  }

  #take(method: string, params: Record<string, unknown>): void {
    switch (method) {
      case 'Target.targetCreated':
        return this.#pages.add(params.targetInfo as TargetFacts)
      case 'Target.targetInfoChanged':
        return this.#pages.change(params.targetInfo as TargetFacts)
      case 'Target.targetDestroyed':
        return this.#pages.remove(String(params.targetId))
      case 'Target.targetCrashed':
        return this.#pages.crash(String(params.targetId), String(params.status))
      case 'Browser.downloadWillBegin':
        return this.#downloads.begin(params)
      case 'Browser.downloadProgress':
        return this.#downloads.progress(params)
    }
  }
}
