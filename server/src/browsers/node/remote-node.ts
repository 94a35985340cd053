import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Dispatcher } from 'undici'
import { connectTo } from '#kernel/pinned.ts'
import type { WipeReport } from '../host/host.ts'
import { problems } from '../problems.ts'
import type { FeedEvent } from '../watch/feed.ts'
import { NodeLink, type NodeLinkOptions, Unheard } from './node-link.ts'
import {
  type CallName,
  type CallOptions,
  type DownloadedFile,
  type Following,
  type FollowOptions,
  NodeFull,
  type OpenedSession,
  type OpenSocket,
  type RawUpgrade,
  type SessionNode,
  type SessionSpec,
  type SocketGrant,
  type SpecChange,
} from './session-node.ts'
import { NotUpgraded, splice, upgradeOver } from './splice.ts'
import {
  decodeJson,
  encodeJson,
  FILE_HEADER,
  FROM_HEADER,
  GRANT_HEADER,
  paths,
  readAll,
  readFailure,
  readResult,
} from './wire.ts'

export interface RemoteNodeOptions extends NodeLinkOptions {
  instanceId: string
  /** A token for calls about this session. */
  tokenFor(sessionId: string): Promise<string>
  /** Sessions that it could take, as its last beat has it. */
  free(): number
}

const LAUNCH_MS = 70_000
const END_MS = 30_000
/** Longer than the longest command may take. */
const CALL_MS = 130_000
/** A stream begins at once, and its node says something every 5 s. */
const STREAM_MS = 20_000
const FOLLOW_AGAIN_MS = 1_000

type Answer = Dispatcher.ResponseData

interface Call {
  method: Dispatcher.HttpMethod
  path: string
  /** For the whole call; without it only its beginning and its pauses are limited. */
  timeoutMs?: number
  body?: unknown
  signal?: AbortSignal
  /** It stays open for as long as somebody follows, over a connection that no other call waits for. */
  isFeed?: boolean
}

/** The node in another process or on another machine. */
export class RemoteNode implements SessionNode, AsyncDisposable {
  readonly instanceId: string
  readonly #options: RemoteNodeOptions
  readonly #link: NodeLink
  readonly #sockets = new Set<OpenSocket>()

  constructor(options: RemoteNodeOptions) {
    this.instanceId = options.instanceId
    this.#options = options
    this.#link = new NodeLink(options)
  }

  /** A node that beats but cannot be reached from here takes nothing for a while. */
  get free(): number {
    return this.#link.isDown ? 0 : this.#options.free()
  }

  /**
   * @throws NodeFull also when it cannot be reached, or falls silent before it has answered: another machine may do. A browser that it
   *   starts all the same ends with its next beat, since no row knows it there
   */
  async open(spec: SessionSpec, signal?: AbortSignal): Promise<OpenedSession> {
    using watched = this.#link.watch()
    const { silent } = watched
    const either = signal ? AbortSignal.any([signal, silent]) : silent
    const path = paths.session(spec.id)
    const call = { method: 'PUT', path, timeoutMs: LAUNCH_MS, body: spec, signal: either } as const
    try {
      return await this.#json<OpenedSession>(spec.id, call)
    } catch (error) {
      if (signal?.aborted) throw error
      if (silent.aborted) throw new NodeFull(`the machine ${this.instanceId} does not answer`, 5)
      if (!isUnheard(error)) throw error
      throw new NodeFull(`the machine ${this.instanceId} cannot be reached`, 5)
    }
  }

  end(sessionId: string): Promise<WipeReport> {
    const path = paths.session(sessionId)
    return this.#json(sessionId, { method: 'DELETE', path, timeoutMs: END_MS })
  }

  async change(sessionId: string, body: SpecChange): Promise<void> {
    const path = paths.session(sessionId)
    await this.#json(sessionId, { method: 'PATCH', path, timeoutMs: END_MS, body })
  }

  call(
    sessionId: string,
    name: CallName,
    input: unknown,
    { holder, signal }: CallOptions,
  ): Promise<unknown> {
    const body = { name, input, holder }
    const path = paths.call(sessionId)
    const call = { method: 'POST', path, timeoutMs: CALL_MS, body, signal } as const
    return this.#ask(sessionId, call, async (answer) =>
      readResult(answer.headers, await readAll(answer.body)),
    )
  }

  openDownload(sessionId: string, downloadId: string): Promise<DownloadedFile> {
    const path = paths.download(sessionId, downloadId)
    return this.#ask(sessionId, { method: 'GET', path }, async ({ headers, body }) => {
      const facts = decodeJson(String(headers[FILE_HEADER])) as Omit<DownloadedFile, 'content'>
      return { ...facts, content: body }
    })
  }

  /** The client's own bytes go through: the node answers its handshake. */
  async connect(sessionId: string, upgrade: RawUpgrade, grant: SocketGrant): Promise<OpenSocket> {
    const { fingerprint, tokenFor, url } = this.#options
    const own = {
      authorization: `Bearer ${await tokenFor(sessionId)}`,
      [GRANT_HEADER]: encodeJson(grant),
    }
    const { headers } = upgrade.request
    try {
      const connection = await connectTo(new URL(url), fingerprint)
      const far = await upgradeOver(connection, paths.socket(sessionId), headers, own)
      const socket = splice(upgrade.socket, upgrade.head, far)
      this.#sockets.add(socket)
      void socket.closed.finally(() => this.#sockets.delete(socket))
      return socket
    } catch (error) {
      if (error instanceof NotUpgraded) throw await this.#refusal(sessionId, error)
      throw this.#unreachable(sessionId, error)
    }
  }

  async follow(
    sessionId: string,
    options: FollowOptions,
    listener: (event: FeedEvent) => void,
  ): Promise<Following> {
    const stop = new AbortController()
    const first = await this.#feed(sessionId, options, stop.signal)
    const from = Number(first.headers[FROM_HEADER])
    const place = { ...options, after: from }
    void this.#readFeed(sessionId, place, first, listener, stop.signal)
    return { from, [Symbol.dispose]: () => stop.abort() }
  }

  /** Cuts what is open, and fails what is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.close(1012, 'the machine is gone')
    await this.#link[Symbol.asyncDispose]()
  }

  /** Takes the feed up again after a break, with the last event that it had. Ends when the session has. */
  async #readFeed(
    sessionId: string,
    options: Required<FollowOptions>,
    first: Answer,
    listener: (event: FeedEvent) => void,
    signal: AbortSignal,
  ): Promise<void> {
    let { after } = options
    for (let answer: Answer | undefined = first; answer;) {
      try {
        for await (const line of createInterface({ input: answer.body })) {
          if (line === '') continue
          const event = JSON.parse(line) as FeedEvent
          after = event.id
          listener(event)
        }
      } catch {
        // It broke off; below it is taken up again.
      }
      answer = await this.#feedAgain(sessionId, { ...options, after }, signal)
    }
  }

  async #feedAgain(
    sessionId: string,
    options: FollowOptions,
    signal: AbortSignal,
  ): Promise<Answer | undefined> {
    for (;;) {
      await sleep(FOLLOW_AGAIN_MS, undefined, { signal }).catch(() => {})
      if (signal.aborted || this.#link.isClosed) return undefined
      try {
        return await this.#feed(sessionId, options, signal)
      } catch (error) {
        if (!isUnreachable(error)) return undefined
      }
    }
  }

  async #feed(
    sessionId: string,
    { kinds, after }: FollowOptions,
    stop: AbortSignal,
  ): Promise<Answer> {
    const query = new URLSearchParams({ kinds: [...kinds].join(',') })
    if (after !== undefined) query.set('after', String(after))
    const path = `${paths.feed(sessionId)}?${query}`
    const late = new AbortController()
    const why = new Error('the feed did not begin in time')
    const timer = setTimeout(() => late.abort(this.#unreachable(sessionId, why)), STREAM_MS)
    const signal = AbortSignal.any([stop, late.signal])
    const call = { method: 'GET', path, signal, isFeed: true } as const
    try {
      return await this.#ask(sessionId, call, async (answer) => answer)
    } finally {
      clearTimeout(timer)
    }
  }

  #json<Result>(sessionId: string, call: Call): Promise<Result> {
    return this.#ask(sessionId, call, async ({ body }) => {
      return JSON.parse((await readAll(body)).toString()) as Result
    })
  }

  /** @throws the error that the node has sent, or problem `session.unreachable` */
  async #ask<Result>(
    sessionId: string,
    { method, path, timeoutMs, body, signal, isFeed }: Call,
    read: (answer: Answer) => Promise<Result>,
  ): Promise<Result> {
    const deadline = timeoutMs === undefined ? [] : [AbortSignal.timeout(timeoutMs)]
    const signals = [...deadline, ...(signal ? [signal] : [])]
    try {
      const send = isFeed ? this.#link.follow : this.#link.request
      const answer = await send({
        ...{ method, path, headersTimeout: timeoutMs ?? STREAM_MS, bodyTimeout: STREAM_MS },
        ...(timeoutMs !== undefined && { bodyTimeout: timeoutMs }),
        headers: {
          authorization: `Bearer ${await this.#options.tokenFor(sessionId)}`,
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        ...(signals.length > 0 && { signal: AbortSignal.any(signals) }),
      })
      if (answer.statusCode < 300) return await read(answer)
      throw new Refusal(await failureIn(sessionId, answer.statusCode, answer.body))
    } catch (error) {
      if (error instanceof Refusal) throw error.error
      throw signal?.aborted ? signal.reason : this.#unreachable(sessionId, error)
    }
  }

  async #refusal(sessionId: string, { response }: NotUpgraded): Promise<Error> {
    const failure = await failureIn(sessionId, response.statusCode!, response).catch(
      (error: unknown) => this.#unreachable(sessionId, error),
    )
    response.destroy()
    return failure
  }

  #unreachable(id: string, cause: unknown): Error {
    const { instanceId } = this.#options
    return problems.unreachable({ id, instanceId, cause, retryAfterSeconds: 5 })
  }
}

/** Carries what the node has sent past what turns every other error into `session.unreachable`. */
class Refusal extends Error {
  readonly error: Error

  constructor(error: Error) {
    super(error.message)
    this.error = error
  }
}

/** @throws Error for a node that does not take our word */
async function failureIn(
  sessionId: string,
  status: number,
  body: AsyncIterable<Uint8Array>,
): Promise<Error> {
  const text = (await readAll(body)).toString()
  if (status === 401) throw new Error('the node does not accept the token of this control plane')
  try {
    return readFailure(sessionId, JSON.parse(text))
  } catch {
    return readFailure(sessionId, {})
  }
}

function isUnreachable(error: unknown): boolean {
  return (error as { code?: string }).code === problems.unreachable.kind.code
}

/** Whether not a word of a call has reached the node. */
function isUnheard(error: unknown): boolean {
  return isUnreachable(error) && (error as Error).cause instanceof Unheard
}
