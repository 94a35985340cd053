/**
 * A process of its own that hosts browsers until it is killed: `node fixture-owner.ts <home> <allowed> <session id>…`. It writes
 * one line for each browser that it has launched. With `KEEP_WARM` in its environment they come from a pool, and one more is ready
 * by then; with `LAUNCH_OPTIONS` they are launched with those.
 */
import { openAddressGuard } from '#kernel/addresses.ts'
import { openHome } from '#kernel/home.ts'
import { findUsers } from '#kernel/unprivileged.ts'
import { eventually } from '#kernel/test-support.ts'
import { IDENTITY, chromiumFor, openHost } from './fixture.ts'
import type { LaunchOptions } from './host.ts'

const [path, allow, ...sessionIds] = process.argv.slice(2)
const { browser: user } = await findUsers(['browser'])
const home = await openHome({ wanted: path, checkout: path!, users: { browser: user } })
const place = { home, user, [Symbol.asyncDispose]: async () => {} }
const guard = openAddressGuard({ allow: [allow!] })
const host = await openHost(place, await chromiumFor(place), guard)
const options = JSON.parse(process.env.LAUNCH_OPTIONS ?? '{}') as LaunchOptions
if (process.env.KEEP_WARM) host.setPool({ min: 0, max: 8, spare: 1 })
for (const sessionId of sessionIds) {
  await untilWarm()
  const browser = await host.launch(sessionId, IDENTITY, options)
  await untilWarm()
  console.log(JSON.stringify(browser))
}
setInterval(() => {}, 60_000)

async function untilWarm(): Promise<void> {
  const { spare } = host.facts().pool
  await eventually('the pool is full', () => host.facts().ready >= spare)
}
