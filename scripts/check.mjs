// `npm run check`: everything that can be said about the code without running it. All steps run, also after one has failed.
import { spawn } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { performance } from 'node:perf_hooks'
import { text } from 'node:stream/consumers'
import { checkout } from './lib/checkout.mjs'
import { runMain } from './lib/failure.mjs'
import { ensureInstalled } from './lib/install.mjs'
import { pinnedNode } from './lib/pinned-node.mjs'

const STEPS = {
  format: 'oxfmt --check .',
  lint: 'oxlint --type-aware --deny-warnings',
  types: 'tsc --noEmit -p .',
  'borders and tables': 'node scripts/check-borders.ts',
  words: 'node scripts/check-words.ts',
  'links in docs': 'node scripts/check-links.ts',
  'dead code': 'knip --no-progress',
  'generated files': 'node scripts/generate.ts --check',
  'API document': 'redocly lint openapi.json',
}
const STEP_DEADLINE_MS = 3 * 60_000

await runMain(async () => {
  await ensureInstalled(checkout)
  const bins = [dirname(pinnedNode(checkout)), join(checkout, 'node_modules/.bin')]
  const env = {
    ...process.env,
    PATH: [...bins, process.env.PATH].join(delimiter),
    REDOCLY_TELEMETRY: 'off',
    REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true',
  }
  const waiting = Object.entries(STEPS)
  const results = []
  async function work() {
    for (let step = waiting.shift(); step; step = waiting.shift()) {
      const result = await runStep(step, env)
      results.push(result)
      show(result)
    }
  }
  await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, work))
  return summarize(results)
})

async function runStep([name, command], env) {
  const startedAt = performance.now()
  const child = spawn(command, { shell: true, cwd: checkout, env, timeout: STEP_DEADLINE_MS })
  const [output, errors, passed] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise((resolve) => child.on('exit', (code) => resolve(code === 0))),
  ])
  return { name, command, passed, output: output + errors, ms: performance.now() - startedAt }
}

function show({ name, command, passed, output, ms }) {
  console.log(`${passed ? '✔' : '✖'} ${name} (${(ms / 1000).toFixed(1)} s)`)
  if (!passed) console.log(`  $ ${command}\n${output.trim().replace(/^/gm, '  ')}\n`)
}

function summarize(results) {
  const failed = results.filter(({ passed }) => !passed).map(({ name }) => name)
  if (failed.length === 0) console.log(`\nAll ${results.length} checks passed.`)
  else console.log(`\n${failed.length} of ${results.length} checks failed: ${failed.join(', ')}.`)
  return failed.length === 0 ? 0 : 1
}
