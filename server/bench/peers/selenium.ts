import { setTimeout as sleep } from 'node:timers/promises'
import { join } from 'node:path'
import { eventually, freePort } from '#kernel/test-support.ts'
import { TITLE } from './cdp-session.ts'
import { type Contender, LeftOut, type Session } from './contender.ts'
import { ask } from './http.ts'
import { installSelenium, outputOf } from './install.ts'
import { makePlace, Server } from './server.ts'

const SETTLE_MS = 30_000
const ASK_AGAIN_MS = 10
const GIVE_UP_MS = 30_000

/** Selenium Grid, all in one process, with one kind of browser: the machine's Chromium. */
export class Selenium implements Contender {
  readonly name: string
  readonly server: Server
  readonly #url: string
  readonly #chromium: string

  /** @throws LeftOut where it cannot be installed, or no driver fits */
  static async start(chromium: string, version: string): Promise<Selenium> {
    const driver = await driverFor(version)
    await outputOf('java', ['-version'])
    const { path, version: grid } = await installSelenium()
    const place = await makePlace('selenium')
    const port = String(await freePort())
    const url = `http://127.0.0.1:${port}`
    const java = ['java', `-Djava.io.tmpdir=${place.temporary}`, '-cp', join(path, 'libs/*')]
    const server = await Server.start(place, {
      command: [...java, 'org.openqa.selenium.grid.Main', ...switchesOf(port, driver)],
      env: {},
      isReady: async () => (await ask<{ value: { ready: boolean } }>(`${url}/status`)).value.ready,
    })
    return new Selenium(`Selenium Grid ${grid}`, server, url, chromium)
  }

  private constructor(name: string, server: Server, url: string, chromium: string) {
    this.name = name
    this.server = server
    this.#url = url
    this.#chromium = chromium
  }

  /** `POST /session`, then the title. */
  async open(): Promise<WebDriverSession> {
    const { value } = await ask<{ value: { sessionId: string } }>(`${this.#url}/session`, {
      ...{ method: 'POST', body: wish(this.#chromium) },
    })
    const session = new WebDriverSession(`${this.#url}/session/${value.sessionId}`)
    await session.title()
    return session
  }

  async job(page: string): Promise<void> {
    const session = await this.open()
    await session.look(page)
    await session.end()
  }

  async settled(sessions = 0): Promise<void> {
    const rest = () => this.server.family.browsers().length === sessions
    await eventually('its browsers are gone', rest, SETTLE_MS)
  }

  directories(): string[] {
    return this.server.directories([this.server.place.temporary])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]()
  }
}

class WebDriverSession implements Session {
  readonly #url: string

  constructor(url: string) {
    this.#url = url
  }

  /** Nothing is sent to a WebDriver client by itself: it learns by asking. */
  async told(): Promise<string> {
    const giveUpAt = performance.now() + GIVE_UP_MS
    while (performance.now() < giveUpAt) {
      if (!(await this.answers())) return 'when it asks'
      await sleep(ASK_AGAIN_MS)
    }
    throw new Error(`not within ${GIVE_UP_MS} ms: an error for the client`)
  }

  async answers(): Promise<boolean> {
    return this.title().then(
      () => true,
      () => false,
    )
  }

  async title(): Promise<string> {
    return (await ask<{ value: string }>(`${this.#url}/title`)).value
  }

  /** In a tab of its own. */
  async work(page: string): Promise<void> {
    const { value: first } = await ask<{ value: string }>(`${this.#url}/window`)
    const { value } = await this.#post('window/new', { type: 'tab' })
    await this.#post('window', { handle: (value as { handle: string }).handle })
    await this.look(page)
    await ask(`${this.#url}/window`, { method: 'DELETE' })
    await this.#post('window', { handle: first })
  }

  async look(page: string): Promise<void> {
    await this.#post('url', { url: page })
    if ((await this.title()) !== TITLE) throw new Error('another page came')
    await ask(`${this.#url}/screenshot`)
  }

  async end(): Promise<void> {
    await ask(this.#url, { method: 'DELETE' }).catch(() => {})
  }

  #post(path: string, body: unknown): Promise<{ value: unknown }> {
    return ask<{ value: unknown }>(`${this.#url}/${path}`, { method: 'POST', body })
  }
}

function switchesOf(port: string, driver: string): string[] {
  return [
    ...['standalone', '--host', '127.0.0.1', '--port', port],
    ...['--selenium-manager', 'false', '--detect-drivers', 'false'],
    ...['--driver-configuration', 'display-name=chrome', `webdriver-executable=${driver}`],
    'stereotype={"browserName":"chrome"}',
  ]
}

function wish(binary: string) {
  const options = { binary, args: ['--headless=new', '--no-sandbox', '--window-size=800,600'] }
  return { capabilities: { alwaysMatch: { browserName: 'chrome', 'goog:chromeOptions': options } } }
}

/** @throws LeftOut unless there is a chromedriver of the same major version */
async function driverFor(version: string): Promise<string> {
  const path = (await outputOf('sh', ['-c', 'command -v chromedriver || true'])).trim()
  const install = 'Debian has it in the package chromium-driver'
  if (path === '') throw new LeftOut(`there is no chromedriver here; ${install}`)
  const [, own] = /(\d+)\.\d+\.\d+/.exec(await outputOf(path, ['--version'])) ?? []
  if (own !== version.split('.')[0]) {
    throw new LeftOut(`chromedriver is of ${own}, and Chromium of ${version}; ${install}`)
  }
  return path
}
