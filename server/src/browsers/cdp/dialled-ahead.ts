import { type BrowserSocket, dialBrowser } from './dial.ts'

const DIAL_MS = 10_000

/** A connection to a browser that is opened before anybody has asked for one. Who asks first gets it; what nobody takes ends with this. */
export class DialledAhead implements Disposable {
  #dialling: Promise<BrowserSocket | undefined> | undefined
  #disposed = false

  constructor(endpoint: string) {
    this.#dialling = dialBrowser(endpoint, DIAL_MS).then(
      (browser) => this.#hold(browser),
      () => undefined,
    )
  }

  /** Nobody has read or written a frame of it. Undefined when somebody has it already, or it has come to nothing. */
  async take(): Promise<BrowserSocket | undefined> {
    const dialling = this.#dialling
    this.#dialling = undefined
    const browser = await dialling
    if (!browser) return undefined
    const { socket } = browser
    if (!this.#disposed && socket.readable && socket.writable) return browser
    socket.destroy()
    return undefined
  }

  [Symbol.dispose](): void {
    this.#disposed = true
    void this.take()
  }

  /** That it ends is noticed when it is taken. */
  #hold(browser: BrowserSocket): BrowserSocket {
    browser.socket.on('error', () => {})
    return browser
  }
}
