import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chown, mkdir } from 'node:fs/promises'
import {
  createServer,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after } from 'node:test'
import pino from 'pino'
import { Problem } from '#kernel/problem.ts'
import { temporaryPath } from '#kernel/test-support.ts'
import { chromiumFor, openPlace } from '../host/fixture.ts'
import { commonSwitches } from '../host/switches.ts'
import { CdpSocket } from './cdp.ts'
import { type Driver, openDriver } from './driver.ts'

const START_DEADLINE_MS = 60_000
const LONGEST_TRY_MS = 30_000

export interface TestBrowser {
  endpoint: string
  headlessShell: boolean
  files: { uploads: string }
  kill(): void
}

/** A Chromium for the rest of the test file. */
export async function startBrowser(...switches: string[]): Promise<TestBrowser> {
  const place = await openPlace()
  after(() => place[Symbol.asyncDispose]())
  const { path, headlessShell, environment, sandbox } = await chromiumFor()
  const { user } = place
  const home = temporaryPath()
  await mkdir(home)
  if (user) await chown(home, user.uid, user.gid)
  const files = { uploads: join(home, 'uploads') }
  await mkdir(files.uploads)
  if (user) await chown(files.uploads, user.uid, user.gid)
  const look = ['--hide-scrollbars', '--window-size=1000,800', `--user-data-dir=${home}`]
  const rights = sandbox === 'works' ? [] : ['--no-sandbox']
  const child = spawn(
    path,
    [...commonSwitches(headlessShell), ...look, ...rights, ...switches, 'about:blank'],
    {
      ...(user && { uid: user.uid, gid: user.gid }),
      detached: true,
      env: { PATH: process.env.PATH, HOME: home, TMPDIR: home, ...environment },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  )
  const kill = () => void (child.exitCode === null && process.kill(-child.pid!, 'SIGKILL'))
  after(kill)
  return { endpoint: await announcedEndpoint(child.stderr), headlessShell, files, kill }
}

async function announcedEndpoint(stderr: NodeJS.ReadableStream): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let text = ''
  const timer = setTimeout(() => reject(new Error(`no endpoint: ${text}`)), START_DEADLINE_MS)
  stderr.on('data', (chunk: Buffer) => {
    text = (text + String(chunk)).slice(-10_000)
    const endpoint = /DevTools listening on (\S+)/.exec(text)?.[1]
    if (endpoint) resolve(endpoint)
  })
  stderr.on('end', () => reject(new Error(`Chromium ended: ${text}`)))
  return promise.finally(() => clearTimeout(timer))
}

export interface Answer {
  status?: number
  headers?: OutgoingHttpHeaders
  /** Holds the answer back until this is settled; a function is asked anew for each answer. */
  when?: Promise<unknown> | (() => Promise<unknown> | undefined)
}

/** A web server whose pages are made by the tests that visit them. */
export class TestSite {
  readonly #server = createServer()
  readonly #pages = new Map<string, Answer & { body: string }>()

  static async start(): Promise<TestSite> {
    const site = new TestSite()
    site.#server.on('request', (request, response) => void site.#answer(request, response))
    await new Promise<void>((resolve) => site.#server.listen(0, '127.0.0.1', resolve))
    after(() => site.close())
    return site
  }

  async #answer({ url }: IncomingMessage, response: ServerResponse): Promise<void> {
    const page = this.#pages.get(url!)
    await (typeof page?.when === 'function' ? page.when() : page?.when)
    const headers = { 'content-type': 'text/html; charset=utf-8', ...page?.headers }
    response.writeHead(page?.status ?? (page ? 200 : 404), headers)
    response.end(page?.body)
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** The URL of a new page. */
  page(body: string, answer: Answer = {}): string {
    const path = `/${this.#pages.size}`
    this.#pages.set(path, { body, ...answer })
    return `http://127.0.0.1:${this.port}${path}`
  }

  close(): void {
    this.#server.closeAllConnections()
    this.#server.close()
  }
}

/** A driver for the rest of the test file. */
export function driverOf({ endpoint, files }: TestBrowser): Driver {
  const driver = openDriver({ endpoint, files, log: pino({ level: 'silent' }) })
  after(() => driver[Symbol.asyncDispose]())
  return driver
}

/** A customer's own connection to the browser, with one session of its current page. */
export async function customerOf({ endpoint }: TestBrowser) {
  const signal = AbortSignal.timeout(300_000)
  const cdp = await CdpSocket.open(endpoint, signal)
  after(() => cdp[Symbol.dispose]())
  const send = <Result>(method: string, params: object = {}, sessionId?: string) =>
    cdp.send<Result>(method, params, { sessionId, signal })
  return {
    send,
    /** A session of the page that shows this URL. */
    attach: async (url: string) => {
      const { targetInfos } = await send<{ targetInfos: { targetId: string; url: string }[] }>(
        'Target.getTargets',
      )
      const { targetId } = targetInfos.find((target) => target.url === url)!
      const options = { targetId, flatten: true }
      const { sessionId } = await send<{ sessionId: string }>('Target.attachToTarget', options)
      await send('Page.enable', {}, sessionId)
      return { targetId, sessionId }
    },
  }
}

/**
 * Tries something that has to get so far within `timeoutMs`, and again with twice the time when it did not: a busy machine takes
 * longer. Fails as the last try did, which had half a minute.
 */
export async function givenTime<Result>(
  timeoutMs: number,
  attempt: (timeoutMs: number) => Promise<Result>,
): Promise<Result> {
  for (; timeoutMs < LONGEST_TRY_MS; timeoutMs *= 2) {
    try {
      return await attempt(timeoutMs)
    } catch {
      continue
    }
  }
  return attempt(LONGEST_TRY_MS)
}

/** The problem with which a command is refused; fails when it is another one, or none. */
export async function refusal(command: Promise<unknown>, code: string): Promise<Problem> {
  const outcome = await command.then(
    (value) => assert.fail(`expected ${code}, got ${JSON.stringify(value)}`),
    (error: unknown) => error,
  )
  if (!(outcome instanceof Problem)) throw outcome
  assert.equal(outcome.code, code, outcome.message)
  return outcome
}
