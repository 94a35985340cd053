import { createHook } from 'node:async_hooks'
import pg from 'pg'
import type { Context } from '#kernel/context.ts'
import { makeKeyring, sha256 } from '#kernel/crypto.ts'
import type { DatabaseAddress, Db } from '#kernel/db.ts'
import { Problem } from '#kernel/problem.ts'
import { Kms } from '#kernel/secrets/kms.ts'
import { openTestKernel, type TestKernel } from '#kernel/test-kernel.ts'
import { notifications } from '#notifications/index.ts'
import { TestClock } from '#test/clock.ts'
import { cloneDatabase } from '#test/database.ts'
import type { Client } from './client.ts'
import { Identity, type IdentityOptions } from './identity.ts'
import { login } from './login.ts'
import { mailReset } from './password-reset.ts'
import { register } from './register.ts'
import type { SignedIn } from './schema.ts'
import type { Tools } from './tools.ts'

export { TestClock }

export const ADDRESS: Client = { ipAddress: '192.0.2.1', userAgent: 'test/1' }
export const PASSWORD = 'violet tractor nine umbrellas'
export const CHEAP = { memoryKib: 64, passes: 1, parallelism: 1 }
export const masterKey = sha256('the master key of the tests')

export interface TestIdentity extends AsyncDisposable {
  kernel: TestKernel
  db: Db
  clock: TestClock
  identity: Identity
  tools: Tools
  config: IdentityOptions['config']
  /** A context of somebody who has not signed in. */
  nobody: Context
  /** Another process of the same installation. */
  openAnother(change?: Partial<IdentityOptions>): Promise<Identity>
  /** A new person, signed in. */
  join(client?: Client): Promise<SignedIn>
  /** The context of a request with this access token. @throws problem `auth.unauthenticated` */
  ctxOf(signedIn: Pick<SignedIn, 'accessToken'>): Promise<Context>
  /** Changes what the product itself may not. */
  asOwner(statement: string): Promise<void>
  eventsOf(userId: string): Promise<{ kind: string; data: Record<string, unknown> }[]>
}

/** The identity capability over a database of its own, without HTTP. */
export async function openTestIdentity(): Promise<TestIdentity> {
  const stack = new AsyncDisposableStack()
  const database = stack.use(await cloneDatabase())
  const clock = new TestClock()
  const mail = notifications(() => {
    throw new Error('no mail leaves these tests')
  })
  const jobs = [...mail.jobs, mailReset]
  const kernel = stack.use(await openTestKernel({ address: database.address, clock, jobs }))
  const { db } = kernel
  const openAnother = async (change?: Partial<IdentityOptions>) =>
    stack.use(await Identity.open({ ...testOptions, db, clock, log: kernel.log, ...change }))
  const identity = await openAnother()
  const { tools } = identity
  const nobody = kernel.contextFor({ actor: { kind: 'anonymous' } })
  let people = 0
  return {
    ...{ kernel, db, clock, identity, tools, nobody, openAnother, config: testOptions.config },
    join: (client = ADDRESS) =>
      register(
        tools,
        nobody,
        { email: `person.${people++}@example.com`, password: PASSWORD },
        client,
      ),
    ctxOf: async ({ accessToken }) =>
      kernel.contextFor({
        actor: await identity.authenticate(`Bearer ${accessToken}`, ADDRESS.ipAddress!),
      }),
    asOwner: (statement) => runAsOwner(database.address, statement),
    eventsOf: (userId) => readEvents(db, userId),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

const testOptions: Omit<IdentityOptions, 'db' | 'clock' | 'log'> = {
  keyring: makeKeyring(masterKey),
  kms: new Kms({}),
  passwordCost: CHEAP,
  config: {
    PUBLIC_URL: 'https://gantry.example',
    HOST: '127.0.0.1',
    PORT: 8700,
    TLS_CERT_FILE: undefined,
    SIGN_UP: 'open',
    REFRESH_TOKEN_EXPIRY: '14d',
    ...{ AUTH_ATTEMPTS: 10_000, UNAUTHENTICATED_REQUESTS: 1_000_000 },
    ...{ VERIFIED_EMAIL: 'optional', TRUSTED_PROXIES: [], loopbackOnly: true },
    KMS_SIGNING_KEY_ID: undefined,
  },
}

async function runAsOwner(address: DatabaseAddress, statement: string): Promise<void> {
  const client = new pg.Client(address)
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

async function readEvents(db: Db, userId: string) {
  const rows = await db.selectFrom('events').select(['kind', 'data']).orderBy('id').execute()
  const events = rows.map(({ kind, data }) => ({ kind, data: data as Record<string, unknown> }))
  return events.filter(({ data }) => data.userId === userId)
}

/** Signs in by password alone. @throws Error when a second factor is asked for */
export async function signIn(...attempt: Parameters<typeof login>): Promise<SignedIn> {
  const signedIn = await login(...attempt)
  if (!('accessToken' in signedIn)) throw new Error('a second factor is asked for')
  return signedIn
}

/** The code of the problem that the promise is refused with, or `none`. */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'none',
    (error: unknown) => {
      if (error instanceof Problem) return error.code
      throw error
    },
  )
}

/** How many argon2 hashes Node computes while `work` runs. */
export async function hashesDuring(work: () => Promise<unknown>): Promise<number> {
  let hashes = 0
  const hook = createHook({ init: (_id, type) => void (type.startsWith('ARGON2') && hashes++) })
  hook.enable()
  try {
    await work()
  } finally {
    hook.disable()
  }
  return hashes
}
