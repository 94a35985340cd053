import type { IncomingHttpHeaders } from 'node:http'
import type { Duplex, Readable } from 'node:stream'
import type { ControlSnapshot, Holder } from '../control/lease.ts'
import type { Driver } from '../driver/driver.ts'
import type { EgressRules } from '../host/egress-rules.ts'
import type { Identity, WipeReport } from '../host/host.ts'
import type { EndReason } from '../states.ts'
import type { FeedEvent, FeedKind } from '../watch/feed.ts'

/** All that a node knows of a session. It keeps this on its own disk: its sessions outlive every other process. */
export interface SessionSpec {
  id: string
  accountId: string
  identity: Identity
  /** When it ends at the latest, in milliseconds since 1970. */
  expiresAtMs: number
  idleSeconds: number
  /** Sockets that were opened by URLs of an earlier generation are cut. */
  generation: number
  egress?: EgressRules
  recording?: RecordingWish
  /** Of commands that name none. */
  defaultTimeoutMs?: number
  /** Who had control when the node last wrote this down. */
  control?: ControlSnapshot
}

/** What of a session is to be kept. */
export interface RecordingWish {
  /** Kept unless false, both. */
  frames?: boolean
  network?: boolean
}

/** Changes of a session that runs; what is absent stays. */
export type SpecChange = Partial<
  Pick<SessionSpec, 'expiresAtMs' | 'idleSeconds' | 'generation' | 'egress'>
>

export interface OpenedSession {
  /** Whether a warm browser was claimed. */
  warm: boolean
}

/** What is done in a session on somebody's behalf. */
export type CommandName = Exclude<keyof Driver, 'currentPage' | typeof Symbol.asyncDispose>
export type CallName = CommandName | 'control' | 'downloads'

export interface CallOptions {
  /** On whose behalf; while somebody else holds the control lease, what drives the page is refused. */
  holder: Holder
  signal?: AbortSignal
}

/** A client's upgrade, admitted but not answered. */
export interface RawUpgrade {
  request: { method?: string; url?: string; headers: IncomingHttpHeaders }
  socket: Duplex
  head: Buffer
}

export type CdpPolicy = 'driver' | 'observer' | 'noCookies'

export interface CdpGrant {
  kind: 'cdp'
  policy: CdpPolicy
  holder: Holder
  generation: number
}

export interface LiveGrant {
  kind: 'live'
  holder: Holder
  mayControl: boolean
  /** Whether they may take control from whoever has it. */
  mayForce: boolean
  generation: number
}

export type SocketGrant = CdpGrant | LiveGrant

/** A socket that a session serves. */
export interface OpenSocket {
  close(code: number, reason: string): void
  readonly closed: Promise<unknown>
}

export interface FollowOptions {
  after?: number
  kinds: ReadonlySet<FeedKind>
}

export interface Following extends Disposable {
  /** The last event before the first that is told: to be given as `after` by who comes back without having had any. */
  readonly from: number
}

/** One live session, as its node reports it with every beat. */
export interface SessionFacts {
  id: string
  lastActivityMs: number
  url?: string
  title?: string
}

export interface NodeFacts {
  /** Sessions that it could take now. */
  free: number
  max: number
  /** Places that are taken: by sessions, or because the machine could not carry another one now. */
  taken: number
  /** Browsers that wait to be claimed. */
  ready: number
  draining: boolean
  /** Too little disk is left for another session. */
  diskFull: boolean
  sessions: SessionFacts[]
}

/** Something that has happened on a node and is to be written down, once, whatever happens to the node or the network. */
export type Report = { sessionId: string; accountId: string; atMs: number } & (
  | { kind: 'ended'; reason: EndReason; message?: string; wipe: WipeReport }
  | { kind: 'fact'; name: string; facts: Record<string, unknown> }
)

/** The machine has no place for another session. */
export class NodeFull extends Error {
  readonly retryAfterSeconds: number

  constructor(reason: string, retryAfterSeconds: number) {
    super(reason)
    this.name = 'NodeFull'
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** The node answers, and has no such session. */
export class NotOnNode extends Error {
  constructor(sessionId: string) {
    super(`the node has no session ${sessionId}`)
    this.name = 'NotOnNode'
  }
}

/**
 * The machine that hosts a session: this process, or another one that is reached over the network. It has no database; what it must
 * tell goes out as reports, and who hosts what is settled with each beat.
 */
export interface SessionNode {
  /** `ins_…` */
  readonly instanceId: string
  /** Sessions that it could take now, as far as is known here. */
  readonly free: number
  /** @throws NodeFull, or LaunchFailed */
  open(spec: SessionSpec, signal?: AbortSignal): Promise<OpenedSession>
  /** Ends a session, one that is starting too, and reports what is left of it. An unknown one is clean. */
  end(sessionId: string): Promise<WipeReport>
  /** @throws NotOnNode */
  change(sessionId: string, change: SpecChange): Promise<void>
  /** Does one thing in the session and returns its result. @throws Problem, or NotOnNode */
  call(sessionId: string, name: CallName, input: unknown, options: CallOptions): Promise<unknown>
  /** A file that the session has downloaded. @throws Problem, or NotOnNode */
  openDownload(sessionId: string, downloadId: string): Promise<DownloadedFile>
  /** Answers the upgrade and serves the socket. @throws NotOnNode before anything was answered */
  connect(sessionId: string, upgrade: RawUpgrade, grant: SocketGrant): Promise<OpenSocket>
  /**
   * Tells the listener of what happens in the session until the answer is disposed. What it cannot tell is told as a `gap`: of a
   * follower that comes back with the id of the last event that it had, nothing is missed in silence.
   *
   * @throws NotOnNode
   */
  follow(
    sessionId: string,
    options: FollowOptions,
    listener: (event: FeedEvent) => void,
  ): Promise<Following>
}

export interface DownloadedFile {
  name: string
  bytes: number
  content: Readable
}
