// `npm start`: installs what is missing, then runs the server under the pinned Node. Plain JavaScript, for any Node from 20.
import { join } from 'node:path'
import { checkout } from './lib/checkout.mjs'
import { runInPlace } from './lib/child.mjs'
import { runMain } from './lib/failure.mjs'
import { ensureInstalled } from './lib/install.mjs'
import { pinnedNode } from './lib/pinned-node.mjs'
import { supervise } from './lib/supervise.mjs'

await runMain(async () => {
  await ensureInstalled(checkout)
  const node = pinnedNode(checkout)
  const gantry = join(checkout, 'cli/bin/gantry.mjs')
  return supervise(() => runInPlace(node, [gantry, 'serve', ...process.argv.slice(2)]))
})
