// Runs a TypeScript file of ours under the pinned Node: `node scripts/run.mjs scripts/generate.ts --check`.
import { checkout } from './lib/checkout.mjs'
import { runInPlace, statusOf } from './lib/child.mjs'
import { runMain } from './lib/failure.mjs'
import { ensureInstalled } from './lib/install.mjs'
import { pinnedNode } from './lib/pinned-node.mjs'

await runMain(async () => {
  await ensureInstalled(checkout)
  const args = process.argv.slice(2)
  return statusOf(await runInPlace(pinnedNode(checkout), args, { cwd: checkout }))
})
