import { randomUUID } from 'node:crypto'
import { mkdir, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { eventually, freePort } from '#kernel/test-support.ts'
import { CdpSession, drive } from './cdp-session.ts'
import type { Contender, Session } from './contender.ts'
import { ask } from './http.ts'
import { installBrowserless, outputOf } from './install.ts'
import { makePlace, type Place, Server } from './server.ts'

const PROGRAM = 'node_modules/@browserless.io/browserless/build/index.js'
const WHERE_PLAYWRIGHT_LOOKS =
  'process.stdout.write(require("playwright-core").chromium.executablePath())'
const TOKEN = 'bench'
/** A session may last as long as the longest of this benchmark; 30 s is the default. */
const TIMEOUT_MS = '180000'
const SETTLE_MS = 30_000

/** browserless as its package comes: the token, the longest session and Chromium's place are all that is set. */
export class Browserless implements Contender {
  readonly name: string
  readonly server: Server
  readonly #port: string

  /** @throws LeftOut where it cannot be installed */
  static async start(chromium: string): Promise<Browserless> {
    const { path, version } = await installBrowserless()
    const place = await makePlace('browserless')
    const port = String(await freePort())
    const server = await Server.start(place, {
      command: [process.execPath, PROGRAM],
      cwd: path,
      env: {
        ...{ HOST: '127.0.0.1', PORT: port, TOKEN, TIMEOUT: TIMEOUT_MS },
        PLAYWRIGHT_BROWSERS_PATH: await offer(chromium, path, place),
      },
      isReady: async () => (await fetch(`http://127.0.0.1:${port}/pressure?token=${TOKEN}`)).ok,
    })
    return new Browserless(`browserless ${version}`, server, port)
  }

  private constructor(name: string, server: Server, port: string) {
    this.name = name
    this.server = server
    this.#port = port
  }

  async open(): Promise<Session> {
    const tracking = randomUUID().slice(0, 32)
    let again: Promise<string> | undefined
    return CdpSession.open({
      address: `${this.#address('/chromium')}&trackingId=${tracking}`,
      again: () => (again ??= this.#browserOf(tracking)),
    })
  }

  job(page: string): Promise<void> {
    return drive(this.#address('/chromium'), page)
  }

  async settled(sessions = 0): Promise<void> {
    const rest = () => this.server.family.browsers().length === sessions
    await eventually('its browsers are gone', rest, SETTLE_MS)
  }

  directories(): string[] {
    const { temporary } = this.server.place
    const parents = ['browserless-data-dirs', 'browserless-download-dirs']
    const own = this.server.directories([temporary])
    return [
      ...own.filter((path) => !parents.some((name) => path.endsWith(name))),
      ...this.server.directories(parents.map((name) => join(temporary, name))),
    ]
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]()
  }

  #address(path: string): string {
    return `ws://127.0.0.1:${this.#port}${path}?token=${TOKEN}`
  }

  /** Where its browser is reached again, which `/sessions` tells of its pages. */
  async #browserOf(trackingId: string): Promise<string> {
    const url = `http://127.0.0.1:${this.#port}/sessions?token=${TOKEN}&trackingId=${trackingId}`
    const entries = await ask<{ browserWSEndpoint?: string }[]>(url)
    const endpoint = entries.find(({ browserWSEndpoint }) => browserWSEndpoint)
    return this.#address(new URL(endpoint!.browserWSEndpoint!).pathname)
  }
}

/** Puts the machine's Chromium where browserless looks for the one of Playwright. */
async function offer(chromium: string, path: string, place: Place): Promise<string> {
  const browsers = join(place.root, 'browsers')
  const program = await outputOf(
    'env',
    [`PLAYWRIGHT_BROWSERS_PATH=${browsers}`, process.execPath, '-e', WHERE_PLAYWRIGHT_LOOKS],
    path,
  )
  await mkdir(dirname(program), { recursive: true })
  await symlink(chromium, program)
  return browsers
}
