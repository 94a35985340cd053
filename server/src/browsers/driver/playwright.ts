import { tmpdir } from 'node:os'
import type { BrowserContext, ConnectOverCDPTransport, Page } from 'playwright-core'
import type WebSocket from 'ws'
import { releaseLoadMemory } from '#kernel/memory.ts'
import { type CdpMessage, openWebSocket, parseMessage } from './cdp.ts'
import type { Run } from './run.ts'
import type { Tab } from './tab.ts'

let isLoaded = false

/** Takes 230 ms and 27 MiB the first time, and 150 ms more to give back as much that only the loading needs. */
async function load() {
  const playwright = await import('playwright-core')
  if (!isLoaded) releaseLoadMemory()
  isLoaded = true
  return playwright
}

/** Playwright attached to the browser's default context, over a socket of its own. */
export class PlaywrightPages implements Disposable {
  readonly #context: BrowserContext
  readonly #socket: WebSocket
  readonly #targetIds = new WeakMap<Page, string>()

  private constructor(context: BrowserContext, socket: WebSocket) {
    this.#context = context
    this.#socket = socket
  }

  /** Loads Playwright, once for the process, and attaches it to every open page. */
  static async connect(endpoint: string, timeoutMs: number): Promise<PlaywrightPages> {
    const { chromium } = await load()
    const socket = await openWebSocket(endpoint, AbortSignal.timeout(timeoutMs), {
      // Playwright begins to listen in the promise of an answer. A message that came in the same turn as the answer would be lost to it,
      // and with it the page's world, so that every command to the page hangs.
      allowSynchronousEvents: false,
    })
    try {
      const browser = await chromium.connectOverCDP(transportOf(socket), {
        // The identity is Chromium's from its launch, and downloads are the host's: nothing of it is overridden.
        noDefaults: true,
        // Else Playwright makes a directory, which a killed process would leave behind.
        artifactsDir: tmpdir(),
        timeout: timeoutMs,
      })
      return new PlaywrightPages(browser.contexts()[0]!, socket)
    } catch (error) {
      socket.terminate()
      throw error
    }
  }

  onClose(listener: () => void): void {
    this.#socket.once('close', listener)
  }

  /** Playwright's page of a tab; waits for one that it has just begun to hear of. */
  async pageOf(tab: Tab, run: Run): Promise<Page> {
    let news = Promise.withResolvers<void>()
    const tell = () => news.resolve()
    this.#context.on('page', tell)
    try {
      for (;;) {
        news = Promise.withResolvers()
        const page = await this.#find(tab, run)
        if (page) return page
        await run.race(news.promise)
      }
    } finally {
      this.#context.off('page', tell)
    }
  }

  [Symbol.dispose](): void {
    this.#socket.terminate()
  }

  async #find(tab: Tab, run: Run): Promise<Page | undefined> {
    for (const page of this.#context.pages()) {
      if ((await run.race(this.#targetId(page))) === tab.id) return page
    }
    return undefined
  }

  async #targetId(page: Page): Promise<string | undefined> {
    const known = this.#targetIds.get(page)
    if (known) return known
    try {
      const session = await this.#context.newCDPSession(page)
      const { targetInfo } = await session.send('Target.getTargetInfo')
      await session.detach()
      this.#targetIds.set(page, targetInfo.targetId)
      return targetInfo.targetId
    } catch {
      // The page was closed meanwhile.
      return undefined
    }
  }
}

/**
 * Playwright closes dialogs that nobody listens to, among them all that are open when it lets go. They are the customer's, so its answers
 * do not leave this process.
 */
function transportOf(socket: WebSocket): ConnectOverCDPTransport {
  const transport: ConnectOverCDPTransport = {
    send(message) {
      const { method, id, sessionId } = message as CdpMessage
      if (method === 'Page.handleJavaScriptDialog') {
        setImmediate(() => transport.onmessage?.({ id, sessionId, result: {} }))
      } else {
        socket.send(JSON.stringify(message))
      }
    },
    close: () => socket.close(),
  }
  socket.on('message', (data) => transport.onmessage?.(parseMessage(data)))
  socket.on('close', (code) => transport.onclose?.(`code ${code}`))
  return transport
}
