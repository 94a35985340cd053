import { rmSync } from 'node:fs'
import { chmod, mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import pino from 'pino'
import { openAddressGuard } from '#kernel/addresses.ts'
import { systemClock } from '#kernel/clock.ts'
import { type Home, openHome } from '#kernel/home.ts'
import { eventually } from '#kernel/test-support.ts'
import { type SystemUser, findUsers } from '#kernel/unprivileged.ts'
import { type Chromium, findChromium } from './chromium.ts'
import { withDevTools } from './devtools.ts'
import { BrowserHost, type BrowserHostOptions } from './host.ts'
import type { SlotRecord } from './slot-file.ts'

export const log = pino({ level: 'silent' })
/** Other tests may keep this machine as busy as they like. */
const BUSY = { maxLoadPerCore: Infinity }
export const IDENTITY = { viewport: { width: 1280, height: 720 } }

/** A data directory of its own, and the user that Chromium runs as when the tests run as root. */
export interface Place extends AsyncDisposable {
  home: Home
  user?: SystemUser
}

export async function openPlace(): Promise<Place & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'gantry-host-'))
  await chmod(path, 0o711)
  const { browser: user } = await findUsers(['browser'])
  // Chromium's own socket would not fit below it: a path of a socket has 107 bytes.
  const wanted = join(
    path,
    'a-data-directory-whose-path-is-as-long-as-a-deep-checkout-makes-it'.repeat(2),
  )
  const home = await openHome({ wanted, checkout: path, users: { browser: user } })
  return {
    path,
    home,
    user,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}

let found: Promise<Chromium> | undefined

/** One search for a whole test file. What has to be unpacked for it goes below `place`, or lives as long as the file. */
export function chromiumFor(place?: Place): Promise<Chromium> {
  return (found ??= Promise.resolve(place ?? placeOfFile()).then((place) =>
    findChromium({ ...place, log, env: {} }),
  ))
}

async function placeOfFile(): Promise<Place> {
  const place = await openPlace()
  process.once('exit', () => rmSync(place.path, { recursive: true, force: true }))
  return place
}

export interface TestHost extends Place {
  host: BrowserHost
  chromium: Chromium
}

/** A host on a data directory of its own. Disposing it kills its browsers. */
export async function openTestHost({
  guard = openAddressGuard({ allow: [] }),
  maxBrowsers = 8,
  ...more
}: Partial<BrowserHostOptions> = {}): Promise<TestHost> {
  const place = await openPlace()
  const chromium = await chromiumFor()
  const host = await openHost(place, chromium, guard, maxBrowsers, more)
  return {
    ...place,
    host,
    chromium,
    async [Symbol.asyncDispose]() {
      await host.leave()
      await host.reap(new Set())
      await place[Symbol.asyncDispose]()
    },
  }
}

export function openHost(
  { home, user }: Place,
  chromium: Chromium,
  guard = openAddressGuard({ allow: [] }),
  maxBrowsers = 8,
  more: Partial<BrowserHostOptions> = {},
): Promise<BrowserHost> {
  const sandbox = chromium.sandbox === 'works' ? 'on' : 'off'
  const clock = systemClock
  const own = { home, user, chromium, guard, log, clock, sandbox, maxBrowsers } as const
  return BrowserHost.open({ ...own, admission: BUSY, ...more })
}

/** What is on disk of a session's browser: the slot's id, its directory, and the record that is kept of it. */
export async function slotOf({ home }: Place, sessionId: string) {
  const directory = join(home.run, 'slots')
  for (const name of await readdir(directory)) {
    const text = await readFile(join(directory, name), 'utf8').catch(() => '{}')
    const record = JSON.parse(text) as SlotRecord
    if (record.session?.sessionId !== sessionId) continue
    const { slotId } = record
    return { slotId, record, file: join(directory, name), path: join(home.sessions, slotId) }
  }
  return undefined
}

/** Runs an expression, awaited, in a page of its own that has loaded `url`, and gives its value. */
export async function evaluate<Value>(
  endpoint: string,
  expression: string,
  url = 'about:blank',
): Promise<Value> {
  return withDevTools(endpoint, 60_000, async (send) => {
    const { targetId } = await send<{ targetId: string }>('Target.createTarget', {
      url: 'about:blank',
    })
    const attach = { targetId, flatten: true }
    const { sessionId } = await send<{ sessionId: string }>('Target.attachToTarget', attach)
    const run = async <Result>(expression: string) => {
      const script = { expression, returnByValue: true, awaitPromise: true }
      const { result } = await send<{ result: { value: Result } }>(
        'Runtime.evaluate',
        script,
        sessionId,
      )
      return result.value
    }
    await send('Page.navigate', { url }, sessionId)
    // Asked again and again: an answer that waits in a document which is just being replaced may never come.
    const isThere = `document.readyState === 'complete' && (location.href !== 'about:blank' || ${url === 'about:blank'})`
    while (!(await run<boolean>(isThere))) await sleep(10)
    const value = await run<Value>(expression)
    await send('Target.closeTarget', { targetId })
    return value
  })
}

/** Waits until the health check finds that the only browser answers: a busy machine may take longer than one check waits. */
export async function untilOneAnswers(host: BrowserHost): Promise<void> {
  const detail = '1 of 1 browsers answer'
  await eventually(detail, async () => isDeepStrictEqual(await host.check(), { ok: true, detail }))
}
