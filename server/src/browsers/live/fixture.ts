import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, afterEach } from 'node:test'
import pino from 'pino'
import WebSocket, { WebSocketServer } from 'ws'
import { systemClock } from '#kernel/clock.ts'
import { eventually } from '#kernel/test-support.ts'
import { type ControlChange, ControlLease, type Holder } from '../control/lease.ts'
import { CdpSocket } from '../driver/cdp.ts'
import { TestSite } from '../driver/test-browser.ts'
import { LiveView, type LiveViewOptions } from './live-view.ts'
import type { ServerMessage } from './protocol.ts'
import type { ViewerRights } from './viewer.ts'

const log = pino({ level: 'silent' })

export const ann: Holder = { kind: 'person', id: 'usr_ann', name: 'Ann' }
export const bob: Holder = { kind: 'person', id: 'usr_bob', name: 'Bob' }
const anybody: ViewerRights = { holder: ann, mayControl: true }

interface SeenFrame {
  page: number
  sequence: number
  width: number
  height: number
  scale: number
  viewport: { width: number; height: number }
  jpeg: Buffer
}

type MessageOf<Type> = Extract<ServerMessage, { type: Type }>

/** A live view behind a web server, as a node has it. */
export class TestLive implements AsyncDisposable {
  readonly view: LiveView
  readonly control: ControlLease
  readonly changes: ControlChange[] = []
  activity = 0
  readonly #server: Server
  readonly #viewers: TestViewer[] = []

  static async start(
    endpoint: string,
    options: Partial<LiveViewOptions> & { goneAfterSeconds?: number } = {},
  ): Promise<TestLive> {
    const live = new TestLive(endpoint, options)
    live.#server.listen(0, '127.0.0.1')
    await once(live.#server, 'listening')
    after(() => live[Symbol.asyncDispose]())
    return live
  }

  private constructor(
    endpoint: string,
    { goneAfterSeconds, ...options }: Partial<LiveViewOptions> & { goneAfterSeconds?: number },
  ) {
    const clock = systemClock
    const onChange = (change: ControlChange) => void this.changes.push(change)
    this.control = new ControlLease({ clock, onChange, goneAfterSeconds })
    const { control } = this
    const onActivity = () => void this.activity++
    this.view = new LiveView({ endpoint, log, clock, control, onActivity, ...options })
    this.#server = createServer()
    this.#server.on('upgrade', (request, socket, head) => {
      // A web page sends no header of its own.
      const rights = request.headers['x-rights'] ?? JSON.stringify(anybody)
      this.view.open(request, socket, head, JSON.parse(String(rights)) as ViewerRights)
    })
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`
  }

  /** Somebody who watches; acknowledges every frame unless `acknowledges` is false. */
  async watch(
    rights: Partial<ViewerRights> = {},
    options: { acknowledges?: boolean } = {},
  ): Promise<TestViewer> {
    const viewer = await this.knock(rights, options)
    await viewer.next('hello')
    return viewer
  }

  /** Somebody who has a socket, and may be sent away on it. */
  async knock(
    rights: Partial<ViewerRights> = {},
    options: { acknowledges?: boolean } = {},
  ): Promise<TestViewer> {
    const all = { ...anybody, ...rights }
    const headers = { 'x-rights': JSON.stringify(all) }
    const viewer = new TestViewer(new WebSocket(this.url, { headers }), options.acknowledges)
    this.#viewers.push(viewer)
    await once(viewer.socket, 'open')
    return viewer
  }

  /** Somebody who has control of the page of this title. */
  async drive(title: string, rights: Partial<ViewerRights> = {}): Promise<TestViewer> {
    const viewer = await this.watch(rights)
    viewer.send({ type: 'control', action: 'request' })
    await viewer.until('control is held', () => this.control.holds(rights.holder ?? ann))
    await viewer.sees(title)
    return viewer
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { socket } of this.#viewers) socket.terminate()
    await this.view[Symbol.asyncDispose]()
    this.control[Symbol.dispose]()
    this.#server.closeAllConnections()
    this.#server.close()
  }
}

/** The far end of a live view, as a web page would be one. */
export class TestViewer {
  readonly socket: WebSocket
  readonly messages: ServerMessage[] = []
  frames = 0
  last: SeenFrame | undefined
  closed: { code: number; reason: string } | undefined
  acknowledges: boolean
  #read = 0

  constructor(socket: WebSocket, acknowledges = true) {
    this.socket = socket
    this.acknowledges = acknowledges
    socket.on('message', (data, isBinary) => {
      if (isBinary) this.#show(readFrame(data as Buffer))
      else this.messages.push(JSON.parse(String(data)) as ServerMessage)
    })
    socket.on('error', () => {})
    socket.on('close', (code, reason) => (this.closed = { code, reason: String(reason) }))
  }

  send(message: object): void {
    this.socket.send(JSON.stringify(message))
  }

  acknowledge(): void {
    if (this.last) this.send({ type: 'ack', sequence: this.last.sequence })
  }

  /** The next message of this type, and what else is asked of it, that was not read before. */
  async next<Type extends ServerMessage['type']>(
    type: Type,
    holds: (message: MessageOf<Type>) => boolean = () => true,
  ): Promise<MessageOf<Type>> {
    const isWanted = (message: ServerMessage): message is MessageOf<Type> =>
      message.type === type && holds(message as MessageOf<Type>)
    let found = -1
    await this.until(`a message ${type}`, () => {
      found = this.messages.findIndex((message, at) => at >= this.#read && isWanted(message))
      return found >= 0
    })
    this.#read = found + 1
    return this.messages[found] as MessageOf<Type>
  }

  async notice(code: string): Promise<void> {
    await this.next('notice', (notice) => notice.code === code)
  }

  /** Waits until the page in view has this title, and a picture of it has come. */
  async sees(title: string): Promise<void> {
    await this.until(`a picture of ${title}`, () => {
      const list = this.messages.findLast((message) => 'pages' in message) as MessageOf<'pages'>
      const page = list.pages.find((each) => each.page === list.watching)
      return page?.title === title && this.last?.page === page.page
    })
  }

  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    await eventually(what, holds).catch((cause: unknown) => {
      throw new Error(`${what}; ${JSON.stringify(this.messages.slice(-3))}`, { cause })
    })
  }

  #show(frame: SeenFrame): void {
    this.frames++
    this.last = frame
    if (this.acknowledges && this.socket.readyState === this.socket.OPEN) this.acknowledge()
  }
}

function readFrame(bytes: Buffer): SeenFrame {
  return {
    page: bytes.readUInt32BE(4),
    sequence: bytes.readUInt32BE(8),
    width: bytes.readUInt16BE(20),
    height: bytes.readUInt16BE(22),
    scale: bytes.readFloatBE(24),
    viewport: { width: bytes.readUInt16BE(28), height: bytes.readUInt16BE(30) },
    jpeg: bytes.subarray(bytes.readUInt16BE(2)),
  }
}

const CUSTOMER_DEADLINE_MS = 300_000

/** Who rents the browser, with a site of pages for it. */
export class Customer {
  readonly #cdp: CdpSocket
  readonly #site: TestSite
  readonly #signal: AbortSignal

  static async of(endpoint: string): Promise<Customer> {
    const signal = AbortSignal.timeout(CUSTOMER_DEADLINE_MS)
    const cdp = await CdpSocket.open(endpoint, signal)
    after(() => cdp[Symbol.dispose]())
    const customer = new Customer(cdp, await TestSite.start(), signal)
    const first = await customer.#pages()
    // A test that fails leaves its pages open, and the next one would count them.
    afterEach(() => customer.#closeAllBut(first))
    return customer
  }

  private constructor(cdp: CdpSocket, site: TestSite, signal: AbortSignal) {
    this.#cdp = cdp
    this.#site = site
    this.#signal = signal
  }

  send<Result>(method: string, params: object = {}, sessionId?: string): Promise<Result> {
    return this.#cdp.send<Result>(method, params, { sessionId, signal: this.#signal })
  }

  urlOf(title: string, body: string): string {
    return this.#site.page(`<!doctype html><title>${title}</title>${body}`)
  }

  async openPage(title: string, body: string, hash = ''): Promise<CustomerPage> {
    const url = this.urlOf(title, body) + hash
    const { targetId } = await this.send<{ targetId: string }>('Target.createTarget', { url })
    const attach = { targetId, flatten: true }
    const { sessionId } = await this.send<{ sessionId: string }>('Target.attachToTarget', attach)
    const page = new CustomerPage(this, targetId, sessionId)
    await eventually(`${title} is open`, () =>
      page.evaluate<boolean>(`document.title === '${title}' && document.readyState === 'complete'`),
    )
    return page
  }

  /** Closes a page that another one has opened. */
  async closePage(url: string): Promise<void> {
    const { targetId } = (await this.#pages()).find((page) => page.url === url)!
    await this.close(targetId)
  }

  /** Closes a page, and waits until the browser does not know it any more. */
  async close(targetId: string): Promise<void> {
    await this.send('Target.closeTarget', { targetId })
    const isGone = async () => !(await this.#pages()).some((page) => page.targetId === targetId)
    await eventually('the page is gone', isGone)
  }

  async #pages(): Promise<{ targetId: string; url: string }[]> {
    const { targetInfos } = await this.send<{
      targetInfos: { targetId: string; type: string; url: string }[]
    }>('Target.getTargets')
    return targetInfos.filter(({ type }) => type === 'page')
  }

  async #closeAllBut(kept: { targetId: string }[]): Promise<void> {
    if (this.#cdp.gone.aborted) return
    const ids = new Set(kept.map(({ targetId }) => targetId))
    const others = (await this.#pages()).filter(({ targetId }) => !ids.has(targetId))
    await Promise.all(others.map(({ targetId }) => this.close(targetId)))
  }
}

export class CustomerPage {
  readonly sessionId: string
  readonly targetId: string
  readonly #customer: Customer

  constructor(customer: Customer, targetId: string, sessionId: string) {
    this.#customer = customer
    this.targetId = targetId
    this.sessionId = sessionId
  }

  async evaluate<Value>(expression: string): Promise<Value> {
    const script = { expression, awaitPromise: true, returnByValue: true }
    const { result } = await this.#customer.send<{ result: { value: Value } }>(
      'Runtime.evaluate',
      script,
      this.sessionId,
    )
    return result.value
  }

  async navigate(title: string, body: string): Promise<void> {
    const url = this.#customer.urlOf(title, body)
    await this.#customer.send('Page.navigate', { url }, this.sessionId)
  }

  async close(): Promise<void> {
    await this.#customer.close(this.targetId)
  }
}

/** Stands between a live view and its browser, and knows which commands and which events went through. */
export class Tap {
  readonly methods: string[] = []
  readonly events: string[] = []
  /** What the browser has answered over HTTP is held back until this is settled. */
  held: Promise<void> | undefined
  /** Answers that are held back. */
  waiting = 0
  open = 0
  readonly #server = createServer()

  static async on(endpoint: string): Promise<Tap & { endpoint: string }> {
    const tap = new Tap(endpoint)
    tap.#server.listen(0, '127.0.0.1')
    await once(tap.#server, 'listening')
    after(() => tap.#server.close())
    const url = new URL(endpoint)
    url.port = String((tap.#server.address() as AddressInfo).port)
    return Object.assign(tap, { endpoint: url.href })
  }

  private constructor(endpoint: string) {
    this.#server.on('request', (request, response) => {
      void fetch(`http://${new URL(endpoint).host}${request.url}`)
        .then(async (answer) => {
          const text = await answer.text()
          this.waiting++
          await this.held
          this.waiting--
          response.end(text)
        })
        .catch(() => response.destroy())
    })
    new WebSocketServer({ server: this.#server }).on('connection', (near) => {
      this.open++
      const far = new WebSocket(endpoint)
      const opened = once(far, 'open')
      near.on('message', (data) => {
        this.methods.push((JSON.parse(String(data)) as { method: string }).method)
        void opened.then(() => far.send(String(data)))
      })
      far.on('message', (data) => {
        near.send(String(data))
        const { method } = JSON.parse(String(data)) as { method?: string }
        if (method) this.events.push(method)
      })
      far.on('close', () => near.terminate())
      near.on('close', () => {
        this.open--
        far.terminate()
      })
    })
  }

  count(method: string, messages = this.methods): number {
    return messages.filter((each) => each === method).length
  }
}
