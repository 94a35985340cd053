#!/usr/bin/env node
// The command line. TypeScript runs from Node 24 on, so an older Node hands over to the one that the lockfile pins.
import module from 'node:module'
import { fileURLToPath } from 'node:url'
import { compileCache } from '../../scripts/lib/checkout.mjs'
import { asLauncher, endWithLauncher } from '../../scripts/lib/launcher.mjs'
import { beginLean } from '../../scripts/lib/lean.mjs'
import { isNewEnough, pinnedNode } from '../../scripts/lib/pinned-node.mjs'

if (isNewEnough()) {
  if (process.argv[2] === 'serve') beginLean()
  endWithLauncher()
  module.enableCompileCache(compileCache)
  await import('../src/main.ts')
} else {
  const { checkout } = await import('../../scripts/lib/checkout.mjs')
  const { runInPlace, statusOf } = await import('../../scripts/lib/child.mjs')
  const { runMain } = await import('../../scripts/lib/failure.mjs')
  const args = [fileURLToPath(import.meta.url), ...process.argv.slice(2)]
  // A server outlives what has started it; an agent that nobody sees or ends does not.
  const options = process.argv[2] === 'serve' ? {} : asLauncher()
  await runMain(async () => statusOf(await runInPlace(pinnedNode(checkout), args, options)))
}
