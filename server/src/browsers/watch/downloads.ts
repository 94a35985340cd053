import { constants } from 'node:fs'
import { type FileHandle, open, readlink, realpath, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '#kernel/clock.ts'
import type { Logger } from '#kernel/log.ts'
import type { Connection } from './connection.ts'
import type { SessionFeed } from './feed.ts'
import { cutText } from './fitting.ts'
import { downloadProblems } from './problems.ts'
import { RateBound } from './rate-bound.ts'

export interface DownloadFacts {
  /** A GUID that Chromium has given; also the name of the file. */
  id: string
  url: string
  /** What the site calls the file; a name, never a path. */
  suggestedName: string
  /** Received so far. */
  bytes: number
  status: 'inProgress' | 'completed' | 'cancelled' | 'refused'
  /** Why it was refused. */
  reason?: string
  startedAt: string
}

export interface OpenedDownload {
  /** Open for reading: the directory is the browser's to write, so a path could lead elsewhere a moment later. */
  file: FileHandle
  bytes: number
  name: string
}

export interface DownloadsOptions {
  directory: string
  feed: SessionFeed
  log: Logger
  clock: Clock
  limits: { downloads: number; downloadsAtOnce: number; downloadBytes: number }
  current: () => Connection | undefined
}

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const EVENTS_PER_SECOND = 20
const HAS_NO_FILE = new Set(['cancelled', 'refused'])

/** The downloads of a session: which there are, and that they fit. */
export class Downloads implements Disposable {
  readonly #options: DownloadsOptions
  readonly #byId = new Map<string, DownloadFacts>()
  readonly #events: RateBound

  constructor(options: DownloadsOptions) {
    this.#options = options
    this.#events = new RateBound(EVENTS_PER_SECOND, (count) => {
      options.feed.publish('download', { type: 'downloads.unreported', count })
    })
  }

  all(): DownloadFacts[] {
    return [...this.#byId.values()].map((download) => ({ ...download }))
  }

  /** Leads the downloads of the default context, and of others, to the directory. */
  async claim(connection: Connection, contexts: readonly string[]): Promise<void> {
    const where = { behavior: 'allowAndName', downloadPath: this.#options.directory }
    const claims = [undefined, ...contexts].map((browserContextId) =>
      connection
        .send('Browser.setDownloadBehavior', { ...where, browserContextId, eventsEnabled: true })
        .catch((error: unknown) => {
          // A client's context can be gone any moment.
          if (!browserContextId) throw error
        }),
    )
    await Promise.all(claims)
  }

  begin(params: Record<string, unknown>): void {
    const id = String(params.guid)
    if (!GUID.test(id) || this.#byId.has(id)) return
    const download: DownloadFacts = {
      id,
      url: cutText(String(params.url), 2_048),
      suggestedName: safeName(String(params.suggestedFilename)),
      bytes: 0,
      status: 'inProgress',
      startedAt: this.#options.clock.now().toISOString(),
    }
    const reason = this.#reasonAgainst()
    if (this.#makeRoom()) this.#byId.set(id, download)
    if (reason) this.#refuse(download, reason)
    else this.#tell('download.started', download)
  }

  progress(params: Record<string, unknown>): void {
    const id = String(params.guid)
    const download = this.#byId.get(id)
    if (download?.status !== 'inProgress') {
      // One that was refused can have been faster than its end.
      if (params.state === 'completed' && download?.status !== 'completed') void this.#remove(id)
      return
    }
    download.bytes = Math.max(download.bytes, Number(params.receivedBytes) || 0)
    if (params.state === 'completed') return this.#complete(download, params.filePath)
    if (params.state === 'canceled') return this.#end(download, 'cancelled')
    const expected = Math.max(download.bytes, Number(params.totalBytes) || 0)
    if (this.#bytes() - download.bytes + expected > this.#options.limits.downloadBytes) {
      this.#refuse(download, 'the files of the session would be too large together')
    }
  }

  /** @throws problem `download.not_found` or `download.not_ready` */
  async open(id: string): Promise<OpenedDownload> {
    const download = this.#byId.get(id)
    if (!download) throw downloadProblems.downloadNotFound({ id })
    const { status, suggestedName: name } = download
    if (status !== 'completed') throw downloadProblems.downloadNotReady({ id, status })
    const file = await openInside(this.#options.directory, id)
    if (!file) throw downloadProblems.downloadNotFound({ id })
    const { size } = await file.stat()
    return { file, bytes: size, name }
  }

  [Symbol.dispose](): void {
    this.#events[Symbol.dispose]()
  }

  #complete(download: DownloadFacts, filePath: unknown): void {
    const isHere = filePath === undefined || filePath === join(this.#options.directory, download.id)
    if (isHere) this.#end(download, 'completed')
    else this.#refuse(download, 'a client had it saved in a directory of its own')
  }

  #end(download: DownloadFacts, status: DownloadFacts['status']): void {
    download.status = status
    this.#tell(`download.${status}`, download)
  }

  #refuse(download: DownloadFacts, reason: string): void {
    const { id } = download
    download.reason = reason
    this.#end(download, 'refused')
    void this.#cancel(id)
  }

  async #cancel(guid: string): Promise<void> {
    await this.#options
      .current()
      ?.send('Browser.cancelDownload', { guid })
      .catch(() => {})
    await this.#remove(guid)
  }

  async #remove(id: string): Promise<void> {
    if (!GUID.test(id)) return
    try {
      await rm(join(this.#options.directory, id), { force: true })
    } catch (error) {
      this.#options.log.warn({ err: error, download: id }, 'a refused download is not removed')
    }
  }

  #reasonAgainst(): string | undefined {
    const { downloads, downloadsAtOnce, downloadBytes } = this.#options.limits
    const kept = [...this.#byId.values()].filter(({ status }) => !HAS_NO_FILE.has(status))
    if (kept.length >= downloads) return `a session keeps at most ${downloads} files`
    const underWay = kept.filter(({ status }) => status === 'inProgress')
    if (underWay.length >= downloadsAtOnce) return `at most ${downloadsAtOnce} run at once`
    if (this.#bytes() >= downloadBytes) return 'the files of the session are too large together'
    return undefined
  }

  /** Those that left no file are forgotten first. */
  #makeRoom(): boolean {
    if (this.#byId.size < this.#options.limits.downloads) return true
    const idle = [...this.#byId.values()].find(({ status }) => HAS_NO_FILE.has(status))
    return idle !== undefined && this.#byId.delete(idle.id)
  }

  #bytes(): number {
    let bytes = 0
    for (const download of this.#byId.values()) {
      if (!HAS_NO_FILE.has(download.status)) bytes += download.bytes
    }
    return bytes
  }

  #tell(type: string, download: DownloadFacts): void {
    if (this.#events.admits()) this.#options.feed.publish('download', { type, ...download })
  }
}

/** The browser may write the directory: what is opened is looked at, not its path before. */
async function openInside(directory: string, name: string): Promise<FileHandle | undefined> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
  const root = await realpath(directory).catch(() => undefined)
  const path = root && join(root, name)
  const file = path && (await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch(() => undefined))
  if (!file) return undefined
  const [stat, opened] = await Promise.all([file.stat(), readlink(`/proc/self/fd/${file.fd}`)])
  if (stat.isFile() && stat.nlink === 1 && opened === path) return file
  await file.close()
  return undefined
}

/** Of a name that a site gives: no path, no control characters, no end that is cut from the middle of the extension. */
function safeName(name: string): string {
  const plain = name.replace(/[\u0000-\u001f\u007f/\\]/g, '_').trim()
  if (plain === '' || plain === '.' || plain === '..') return 'download'
  if (plain.length <= 200) return plain
  return plain.slice(0, 150) + plain.slice(-50)
}
