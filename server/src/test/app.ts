import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { findChromium } from '#browsers/index.ts'
import type { Clock } from '#kernel/clock.ts'
import { loadConfig } from '#kernel/config.ts'
import type { Context } from '#kernel/context.ts'
import { openHome } from '#kernel/home.ts'
import { openLog } from '#kernel/log.ts'
import { eventually } from '#kernel/test-support.ts'
import { findUsers } from '#kernel/unprivileged.ts'
import { type DevMail, listDevMails, type TemplateName } from '#notifications/index.ts'
import { App } from '../app.ts'
import { cloneDatabase } from './database.ts'
import { makeDirectory } from './directory.ts'

export interface TestAppOptions {
  /** Hosts real browsers; they may reach `EGRESS_ALLOW`, which is this machine's loopback unless `env` says otherwise. */
  browsers?: boolean
  /** Environment names over those of a test. */
  env?: Record<string, string>
  clock?: Clock
  /** Where the log goes. */
  logTo?: NodeJS.WritableStream
}

export interface Answer {
  status: number
  headers: Headers
  // A test knows what it asked for.
  // oxlint-disable-next-line typescript/no-explicit-any
  body: any
}

export interface CallOptions {
  body?: unknown
  headers?: Record<string, string>
}

type Call = (path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>

/** One signed-in person with an account of their own. */
export interface Person {
  readonly email: string
  readonly password: string
  readonly userId: string
  readonly accountId: string
  readonly accessToken: string
  readonly refreshToken: string
  /** Acts as this person below HTTP. */
  readonly ctx: Context
  readonly get: (path: string, headers?: Record<string, string>) => Promise<Answer>
  readonly delete: (path: string, headers?: Record<string, string>) => Promise<Answer>
  readonly post: Call
  readonly put: Call
  readonly patch: Call
}

const PASSWORD = 'plum-harbour-quiet-lantern-93'
/** RFC 9106 leaves the cost to the application; tests need the shape, not the strength. */
const CHEAP = { memoryKib: 64, passes: 1, parallelism: 1 }

let names = 0

/** The product over a database and a data directory of its own; tests of one file share it and each makes its own people. */
export class TestApp implements AsyncDisposable {
  readonly app: App
  readonly home: string
  readonly #close: () => Promise<void>

  constructor(app: App, home: string, close: () => Promise<void>) {
    this.app = app
    this.home = home
    this.#close = close
  }

  get url(): string {
    return this.app.url
  }

  unique(name: string): string {
    return `${name}-${process.pid}-${++names}`
  }

  /** Sends one request with the body as JSON; the answer's body is parsed when it is JSON. */
  async request(
    method: string,
    path: string,
    { body, headers }: CallOptions = {},
  ): Promise<Answer> {
    const response = await fetch(this.url + servedFrom(path), {
      method,
      redirect: 'manual',
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const bytes = Buffer.from(await response.arrayBuffer())
    const isJson = /json/.test(response.headers.get('content-type') ?? '')
    const parsed = isJson && bytes.length > 0 ? JSON.parse(bytes.toString()) : bytes
    return { status: response.status, headers: response.headers, body: parsed }
  }

  /** Registers somebody new, whose address is proven unless it shall not be. */
  async person(name = 'ann', { verified = true } = {}): Promise<Person> {
    const email = `${this.unique(name)}@example.test`
    const answer = await this.request('POST', '/v1/auth/register', {
      body: { email, password: PASSWORD },
    })
    if (answer.status !== 201) throw new Error(`could not register: ${JSON.stringify(answer.body)}`)
    if (verified) await this.#verify(answer.body.user.id)
    return this.#signedIn(email, answer)
  }

  /** Makes somebody who may do everything. */
  async superAdmin(): Promise<Person> {
    const email = `${this.unique('root')}@example.test`
    const ctx = this.app.systemContext()
    await this.app.identity.createSuperAdmin(ctx, { email, password: PASSWORD })
    const body = { email, password: PASSWORD }
    return this.#signedIn(email, await this.request('POST', '/v1/auth/login', { body }))
  }

  /** Kinds of the events of one account, oldest first. */
  async eventKinds(accountId: string): Promise<string[]> {
    const rows = await this.app
      .systemContext()
      .db.selectFrom('events')
      .select('kind')
      .where('accountId', '=', accountId)
      .orderBy('id')
      .execute()
    return rows.map((row) => row.kind)
  }

  /** The newest mail to an address, once it is in the development mailbox; `link` is the one that it holds. */
  async mailTo(
    address: string,
    template?: TemplateName,
  ): Promise<DevMail & { link: string | undefined }> {
    const mail = await eventually(`a mail to ${address}`, async () => {
      const mails = await listDevMails(this.app.systemContext())
      return mails.find((one) => one.to === address && (!template || one.template === template))
    })
    return { ...mail, link: /^https?:\/\/\S+$/m.exec(mail.text)?.[0] }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close()
  }

  async #verify(userId: string): Promise<void> {
    const { db } = this.app.systemContext()
    await db.updateTable('users').set({ emailVerified: true }).where('id', '=', userId).execute()
  }

  #signedIn(email: string, { body }: Answer): Person {
    const { user, accessToken, refreshToken } = body
    const bearer = { authorization: `Bearer ${accessToken}` }
    const send =
      (method: string): Call =>
      (path, body, headers) =>
        this.request(method, path, { body, headers: { ...bearer, ...headers } })
    return {
      ...{ email, accessToken, refreshToken, password: PASSWORD },
      ...{ userId: user.id, accountId: user.accountId },
      ctx: this.#contextOf(user),
      get: (path, headers) => send('GET')(path, undefined, headers),
      delete: (path, headers) => send('DELETE')(path, undefined, headers),
      post: send('POST'),
      put: send('PUT'),
      patch: send('PATCH'),
    }
  }

  #contextOf(user: { id: string; accountId: string; roles: string[] }): Context {
    const { id: userId, accountId, roles } = user
    return this.app.contextFor({
      actor: { kind: 'user', userId, accountId, roles, signInId: 'sin_test' },
    })
  }
}

export async function startApp(options: TestAppOptions = {}): Promise<TestApp> {
  const stack = new AsyncDisposableStack()
  const directory = await makeDirectory('gantry-app')
  stack.defer(() => rm(directory, { recursive: true, force: true }))
  const database = stack.use(await cloneDatabase())
  const users = await findUsers(options.browsers ? ['browser'] : [])
  const home = await openHome({ wanted: join(directory, 'home'), checkout: directory, users })
  const config = loadConfig({
    ...{ PORT: '0', DATABASE_URL: 'postgres://set.by/test', LOG_FILES: 'off', LOG_LEVEL: 'fatal' },
    ROLES: options.browsers ? 'api,worker,node' : 'api,worker',
    // Many people come from this one address.
    ...{ AUTH_ATTEMPTS: '10000', UNAUTHENTICATED_REQUESTS: '1000000' },
    MISSED_REQUESTS: '1000000',
    ...{ EGRESS_ALLOW: '127.0.0.0/8', WARM_BROWSERS: '0', LOCAL_NODES: 'off' },
    ...options.env,
  })
  const log = stack.use(
    await openLog({
      ...{ levels: config.LOG_LEVEL, console: 'json' },
      ...(options.logTo && { destination: options.logTo }),
    }),
  )
  const chromium = options.browsers
    ? await findChromium({
        ...{ home, user: users.browser, log: log.category('browsers') },
        env: { PATH: process.env.PATH },
      })
    : undefined
  const app = await App.open({
    ...{ config, home, users, log, database: database.address, passwordCost: CHEAP },
    ...(options.clock && { clock: options.clock }),
    ...(chromium && { chromium }),
  })
  stack.defer(() => app.stop(10_000))
  return new TestApp(app, home.path, () => stack.disposeAsync())
}

function servedFrom(path: string): string {
  return path.startsWith('/v1/') ? `/api${path}` : path
}
