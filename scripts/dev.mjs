// `npm run dev`: the server, started again whenever one of its files changes. Arguments are those of `gantry serve`.
import { join } from 'node:path'
import { checkout } from './lib/checkout.mjs'
import { runInPlace, statusOf } from './lib/child.mjs'
import { runMain } from './lib/failure.mjs'
import { ensureInstalled } from './lib/install.mjs'
import { pinnedNode } from './lib/pinned-node.mjs'

await runMain(async () => {
  await ensureInstalled(checkout)
  const gantry = join(checkout, 'cli/bin/gantry.mjs')
  const args = ['--watch', '--watch-preserve-output', gantry, 'serve', ...process.argv.slice(2)]
  return statusOf(await runInPlace(pinnedNode(checkout), args))
})
