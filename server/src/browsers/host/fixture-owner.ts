/**
 * A process of its own that hosts browsers until it is killed: `node fixture-owner.ts <home> <session id>…`. It writes one line
 * for each browser that it has launched.
 */
import { openAddressGuard } from '#kernel/addresses.ts'
import { openHome } from '#kernel/home.ts'
import { findUsers } from '#kernel/unprivileged.ts'
import { IDENTITY, chromiumFor, openHost } from './fixture.ts'

const [path, allow, ...sessionIds] = process.argv.slice(2)
const { browser: user } = await findUsers(['browser'])
const home = await openHome({ wanted: path, checkout: path!, users: { browser: user } })
const place = { home, user, [Symbol.asyncDispose]: async () => {} }
const guard = openAddressGuard({ allow: [allow!] })
const host = await openHost(place, await chromiumFor(place), guard)
for (const sessionId of sessionIds) {
  console.log(JSON.stringify(await host.launch(sessionId, IDENTITY)))
}
setInterval(() => {}, 60_000)
