import type { Logger } from '#kernel/log.ts'
import { problems } from '../problems.ts'
import { click } from './click.ts'
import { CommandQueue } from './command-queue.ts'
import type { Driver, PageFacts, Timed } from './commands.ts'
import { cookies } from './cookies.ts'
import { dialog } from './dialog.ts'
import { execute } from './execute.ts'
import { extract } from './extract.ts'
import { explain } from './failures.ts'
import { travel } from './history.ts'
import { Link } from './link.ts'
import { checkUrl, freshTab, navigate, type TroubleOf, withTrouble } from './navigate.ts'
import { pdf } from './pdf.ts'
import { Run } from './run.ts'
import type { Scene } from './scene.ts'
import { screenshot } from './screenshot.ts'
import { scroll } from './scroll.ts'
import { setContent } from './set-content.ts'
import { readState } from './state.ts'
import type { Tab } from './tab.ts'
import { tabs } from './tab-commands.ts'
import { type } from './type.ts'
import { upload } from './upload.ts'
import { UploadFolder } from './upload-folder.ts'
import { wait, waitTimeoutMs } from './wait.ts'

export type { Driver, PageFacts } from './commands.ts'

export interface DriverOptions {
  /** `ws://127.0.0.1:port/devtools/browser/…` */
  endpoint: string
  /** The directory for what `upload` is given; without it that command is refused. */
  files?: { uploads: string }
  /** What the browser's way out knows of a host that was not reached. */
  troubleOf?: TroubleOf
  log: Logger
}

/** Opens a driver; it connects at its first command. Disposing of it leaves the browser running. */
export function openDriver(options: DriverOptions): Driver {
  return new BrowserDriver(options)
}

const FACTS_TIMEOUT_MS = 2_000

class BrowserDriver implements Driver {
  readonly #endpoint: string
  readonly #log: Logger
  readonly #queue = new CommandQueue()
  readonly #closing = new AbortController()
  readonly #uploads: UploadFolder | undefined
  readonly #troubleOf: TroubleOf
  #link: Promise<Link> | undefined

  constructor({ endpoint, files, log, troubleOf = () => undefined }: DriverOptions) {
    this.#troubleOf = troubleOf
    this.#endpoint = endpoint
    this.#uploads = files && new UploadFolder(files.uploads)
    this.#log = log
  }

  readonly navigate: Driver['navigate'] = async (input, signal) => {
    const url = checkUrl(input.url)
    return this.#do(input, signal, async (run, link) => {
      const tab = await freshTab(link, await this.#current(run, link), run, input)
      return navigate(this.#at(run, link, tab), { ...input, url }).catch((error: unknown) => {
        throw withTrouble(error, url, this.#troubleOf)
      })
    })
  }

  readonly click: Driver['click'] = (input, signal) =>
    this.#onPage(input, signal, (scene) => click(scene, input))

  readonly type: Driver['type'] = (input, signal) =>
    this.#onPage(input, signal, (scene) => type(scene, input))

  readonly screenshot: Driver['screenshot'] = (input, signal) =>
    this.#onPage(input, signal, (scene) => screenshot(scene, input))

  readonly execute: Driver['execute'] = (input, signal) =>
    this.#onPage(input, signal, (scene) => execute(scene, input))

  readonly scroll: Driver['scroll'] = (input, signal) =>
    this.#onPage(input, signal, (scene) => scroll(scene, input))

  readonly pdf: Driver['pdf'] = (input, signal) =>
    this.#onPage(input, signal, (scene) => pdf(scene, input))

  readonly wait: Driver['wait'] = (input, signal) =>
    this.#onPage({ timeoutMs: waitTimeoutMs(input) }, signal, (scene) => wait(scene, input))

  readonly extract: Driver['extract'] = (input, signal) =>
    this.#onPage(input, signal, (scene) => extract(scene, input))

  readonly upload: Driver['upload'] = (input, signal) =>
    this.#do(input, signal, (run, link) =>
      upload(this.#uploads, run, input, () => this.#scene(run, link)),
    )

  readonly setContent: Driver['setContent'] = (input, signal) =>
    this.#do(input, signal, async (run, link) => {
      const tab = await freshTab(link, await this.#current(run, link), run)
      return setContent(this.#at(run, link, tab), input)
    })

  readonly tabs: Driver['tabs'] = async (input, signal) => {
    const url = input.action === 'open' && input.url ? checkUrl(input.url) : undefined
    return this.#do(input, signal, (run, link) => tabs(link, run, input, url))
  }

  readonly cookies: Driver['cookies'] = (input, signal) =>
    this.#do(input, signal, (run, link) => cookies(link, run, input))

  readonly back: Driver['back'] = (input, signal) =>
    this.#onPage(input, signal, (scene) => travel(scene, 'back', input))

  readonly forward: Driver['forward'] = (input, signal) =>
    this.#onPage(input, signal, (scene) => travel(scene, 'forward', input))

  readonly reload: Driver['reload'] = (input, signal) =>
    this.#onPage(input, signal, (scene) => travel(scene, 'reload', input))

  readonly dialog: Driver['dialog'] = (input, signal) =>
    this.#run(input.timeoutMs, signal, async (run) => dialog(await this.#linked(run), run, input))

  readonly state: Driver['state'] = (input = {}, signal) =>
    this.#run(input.timeoutMs, signal, async (run) => readState(await this.#linked(run), run))

  async currentPage(signal?: AbortSignal): Promise<PageFacts | undefined> {
    if (!this.#link) return undefined
    try {
      return await this.#run(FACTS_TIMEOUT_MS, signal, async (run) => {
        const { tabs } = await this.#linked(run)
        const [tab, known] = await Promise.all([
          tabs.current(run.signal),
          tabs.describe(run.signal),
        ])
        const info = tab && known.get(tab.id)
        return info && { url: info.url, title: info.title }
      })
    } catch (error) {
      this.#log.debug({ err: error }, 'the current page is not known')
      return undefined
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(
      problems.closed({ detail: 'The session was closed while the command ran.' }),
    )
    const link = await this.#link?.catch(() => undefined)
    link?.[Symbol.dispose]()
  }

  #onPage<Result>(
    input: Timed,
    signal: AbortSignal | undefined,
    act: (scene: Scene) => Promise<Result>,
  ): Promise<Result> {
    return this.#do(input, signal, async (run, link) => act(await this.#scene(run, link)))
  }

  async #scene(run: Run, link: Link): Promise<Scene> {
    const tab = (await this.#current(run, link)) ?? (await link.tabs.open(run.signal))
    return this.#at(run, link, tab)
  }

  /** Does a command in its turn. */
  #do<Result>(
    { timeoutMs }: Timed,
    signal: AbortSignal | undefined,
    work: (run: Run, link: Link) => Promise<Result>,
  ): Promise<Result> {
    return this.#run(timeoutMs, signal, (run) =>
      this.#queue.add(run, async () => work(run, await this.#linked(run))),
    )
  }

  async #run<Result>(
    timeoutMs: number | undefined,
    signal: AbortSignal | undefined,
    work: (run: Run) => Promise<Result>,
  ): Promise<Result> {
    using run = new Run(timeoutMs, signal)
    run.follow(this.#closing.signal)
    try {
      return await run.finish(work(run))
    } catch (error) {
      throw await explain(error, run)
    }
  }

  async #linked(run: Run): Promise<Link> {
    run.signal.throwIfAborted()
    run.awaits('the browser to answer')
    const link = await run.race((this.#link ??= this.#open()))
    run.follow(link.gone)
    return link
  }

  async #open(): Promise<Link> {
    try {
      const link = await Link.open(this.#endpoint, this.#log, this.#closing.signal)
      link.gone.addEventListener('abort', () => {
        this.#link = undefined
        link[Symbol.dispose]()
      })
      return link
    } catch (error) {
      this.#link = undefined
      throw error
    }
  }

  /** The page in front. With several open it is brought there: a page behind is not painted and takes no input. */
  async #current(run: Run, link: Link): Promise<Tab | undefined> {
    const tab = await link.tabs.current(run.signal)
    // Another client may just have answered it; the news of that comes before the answer to anything asked now.
    if (tab?.dialog) await link.tabs.describe(run.signal)
    if (tab && link.tabs.all.length > 1) await link.tabs.bringToFront(tab, run.signal)
    return tab
  }

  #at(run: Run, link: Link, tab: Tab): Scene {
    run.watch(tab)
    run.signal.throwIfAborted()
    return { run, link, tab }
  }
}
