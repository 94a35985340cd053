import { rm } from 'node:fs/promises'
import pino from 'pino'
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  type CDPSession,
  chromium,
  type Page,
} from 'playwright-core'
import { findChromium } from '#browsers/index.ts'
import { openHome } from '#kernel/home.ts'
import { findUsers } from '#kernel/unprivileged.ts'
import { makeDirectory } from './directory.ts'

/** A real Chromium, as a person has it. */
export class WebBrowser implements AsyncDisposable {
  readonly #browser: Browser
  readonly #directory: string

  static async open(): Promise<WebBrowser> {
    const directory = await makeDirectory('gantry-web-browser')
    const users = await findUsers(['browser'])
    const home = await openHome({ wanted: directory, checkout: directory, users })
    const log = pino({ level: 'silent' })
    const { path, environment } = await findChromium({ home, user: users.browser, log, env: {} })
    const options = { executablePath: path, env: { ...environment } }
    return new WebBrowser(await chromium.launch(options), directory)
  }

  private constructor(browser: Browser, directory: string) {
    this.#browser = browser
    this.#directory = directory
  }

  /** A page, in a window that keeps nothing of those before. */
  async visit(url: string, options: BrowserContextOptions = {}): Promise<Visit> {
    const context = await this.#browser.newContext(options)
    const visit = new Visit(context, await context.newPage(), new URL(url).origin)
    await visit.page.goto(url)
    return visit
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close()
    await rm(this.#directory, { recursive: true, force: true })
  }
}

export class Visit implements AsyncDisposable {
  readonly page: Page
  readonly context: BrowserContext
  /** What the browser had to complain about: errors, blocked content, calls to other hosts. */
  readonly complaints: string[] = []

  constructor(context: BrowserContext, page: Page, origin: string) {
    this.context = context
    this.page = page
    // A machine that is busy with other tests takes its time.
    page.setDefaultTimeout(60_000)
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.complaints.push(message.text())
    })
    page.on('pageerror', (error) => this.complaints.push(String(error)))
    page.on('request', (request) => {
      const url = request.url()
      if (!url.startsWith(origin) && !/^(data|blob):/.test(url)) this.complaints.push(url)
    })
  }

  /** Gives the page an authenticator whose person touches it at once. */
  async giveAuthenticator(): Promise<{ cdp: CDPSession; authenticatorId: string }> {
    const cdp = await this.context.newCDPSession(this.page)
    await cdp.send('WebAuthn.enable')
    const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        ...{ protocol: 'ctap2', transport: 'internal', automaticPresenceSimulation: true },
        ...{ hasResidentKey: true, hasUserVerification: true, isUserVerified: true },
      },
    })
    return { cdp, authenticatorId }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.context.close()
  }
}
