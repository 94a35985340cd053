// `npm run bench`: each `server/bench/*.bench.ts`, one after the other. Words after it choose those with such a name; those
// that install other servers run only when they are named.
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { checkout } from './lib/checkout.mjs'
import { runInPlace, statusOf } from './lib/child.mjs'
import { Failure, runMain } from './lib/failure.mjs'
import { ensureInstalled } from './lib/install.mjs'
import { pinnedNode } from './lib/pinned-node.mjs'

const ONLY_BY_NAME = ['peers.bench.ts']

await runMain(async () => {
  await ensureInstalled(checkout)
  const directory = join(checkout, 'server/bench')
  const words = process.argv.slice(2)
  const files = readdirSync(directory)
    .filter((file) => file.endsWith('.bench.ts'))
    .filter((file) =>
      words.length === 0 ? !ONLY_BY_NAME.includes(file) : words.some((word) => file.includes(word)),
    )
    .sort()
  if (files.length === 0) throw new Failure(`No benchmark is called ${words.join(' or ')}.`)

  let status = 0
  for (const file of files) {
    const end = await runInPlace(pinnedNode(checkout), [join(directory, file)], { cwd: checkout })
    status ||= statusOf(end)
    if (end.signal) break
  }
  return status
})
