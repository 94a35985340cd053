import { once } from 'node:events'
import puppeteer from 'puppeteer-core'
import WebSocket from 'ws'
import type { Session } from './contender.ts'
import { inTime } from './http.ts'

const ANSWER_MS = 30_000
export const TITLE = 'A shop'

export interface Open {
  /** Where the first connection goes. */
  address: string
  /** Where later ones go. */
  again: () => Promise<string>
  end?: () => Promise<unknown>
}

/** A session that is driven over DevTools. Its first connection stays open until the end. */
export class CdpSession implements Session {
  readonly #socket: WebSocket
  readonly #closed: Promise<number>
  readonly #open: Open

  /** Resolves with the browser's first answer. */
  static async open(open: Open): Promise<CdpSession> {
    const socket = await firstAnswer(open.address)
    return new CdpSession(socket, open)
  }

  private constructor(socket: WebSocket, open: Open) {
    this.#socket = socket
    this.#closed = once(socket, 'close').then(([code]) => code as number)
    this.#open = open
  }

  async told(): Promise<string> {
    const code = await inTime('its socket is closed', this.#closed, ANSWER_MS)
    return `socket closed, ${code}`
  }

  async answers(): Promise<boolean> {
    try {
      const socket = await firstAnswer(await this.#open.again())
      socket.terminate()
      return true
    } catch {
      return false
    }
  }

  async work(page: string): Promise<void> {
    await drive(await this.#open.again(), page)
  }

  async end(): Promise<void> {
    this.#socket.close()
    await this.#open.end?.()
  }
}

/** Puppeteer connects, opens a page, goes to `url`, reads the title, takes a screenshot, closes the page and disconnects. */
export async function drive(browserWSEndpoint: string, url: string): Promise<void> {
  const browser = await puppeteer.connect({ browserWSEndpoint, protocolTimeout: ANSWER_MS })
  const page = await browser.newPage()
  await page.goto(url)
  if ((await page.title()) !== TITLE) throw new Error('another page came')
  await page.screenshot()
  await page.close()
  await browser.disconnect()
}

async function firstAnswer(address: string): Promise<WebSocket> {
  const socket = new WebSocket(address, {
    perMessageDeflate: false,
    handshakeTimeout: ANSWER_MS,
  })
  await once(socket, 'open')
  socket.on('error', () => {})
  const answer = once(socket, 'message')
  socket.send(JSON.stringify({ id: 1, method: 'Browser.getVersion' }))
  await inTime('the browser answers', answer, ANSWER_MS)
  return socket
}
