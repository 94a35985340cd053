import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeCheckout, outcome } from '../test/fake-checkout.ts'

/** Stands for npm: keeps how it was called, and installs by doing what `NPM_DOES` says. */
const npm = `
  import { appendFileSync, copyFileSync, mkdirSync } from 'node:fs'
  appendFileSync('npm-calls', process.argv.slice(2).join(' ') + '\\n')
  if (process.env.NPM_DOES === 'fail') { console.error('E404'); process.exit(3) }
  mkdirSync('node_modules', { recursive: true })
  copyFileSync('package-lock.json', 'node_modules/.package-lock.json')`

const install = `
  import { runMain } from './lib/failure.mjs'
  import { checkout } from './lib/checkout.mjs'
  import { ensureInstalled } from './lib/install.mjs'
  await runMain(async () => { await ensureInstalled(checkout); return 0 })`

const one = { 'node_modules/one': { version: '1.0.0', integrity: 'sha512-1' } }
const two = { ...one, 'node_modules/two': { version: '2.0.0', integrity: 'sha512-2' } }
const lockOf = (packages: object) => JSON.stringify({ packages: { '': {}, ...packages } })

async function makeCheckout() {
  const checkout = await FakeCheckout.make({
    'scripts/install.mjs': install,
    'npm/npm-cli.js': npm,
  })
  await checkout.write('package.json', '{"type":"module"}')
  const run = (does = 'install') =>
    outcome(
      checkout.run('scripts/install.mjs', [], {
        npm_execpath: `${checkout.root}/npm/npm-cli.js`,
        NPM_DOES: does,
      }),
    )
  return { checkout, run, calls: async () => (await checkout.read('npm-calls')) ?? '' }
}

test('a clean clone is installed once, a changed lockfile again', async () => {
  const { checkout, run, calls } = await makeCheckout()
  await using _ = checkout
  await checkout.write('package-lock.json', lockOf(one))
  const first = await run()
  assert.match(first.output, /^Installing the packages/)
  assert.equal((await run()).output, '')
  assert.equal(await calls(), 'install --no-save --no-audit --no-fund --loglevel=error\n')

  await checkout.write('package-lock.json', lockOf(two))
  await run()
  assert.equal((await calls()).split('\n').length, 3)
})

test('what npm itself installed is taken as it is', async () => {
  const { checkout, run, calls } = await makeCheckout()
  await using _ = checkout
  const elsewhere = { version: '1.0.0', optional: true, os: ['plan9'], cpu: ['x64'] }
  await checkout.write('package-lock.json', lockOf({ ...one, 'node_modules/other': elsewhere }))
  await checkout.write('node_modules/.package-lock.json', lockOf(one))
  assert.deepEqual(await run(), { status: 0, output: '' })
  assert.equal(await calls(), '')
})

test('an install that lacks a package, this platform’s own part, or the right version is done again', async () => {
  const ours = { version: '1', optional: true, os: process.platform, cpu: process.arch }
  const other = { 'node_modules/one': { version: '1.0.1', integrity: 'sha512-1' } }
  for (const wanted of [two, { ...one, 'node_modules/ours': ours }, other]) {
    const { checkout, run, calls } = await makeCheckout()
    await using _ = checkout
    await checkout.write('package-lock.json', lockOf(wanted))
    await checkout.write('node_modules/.package-lock.json', lockOf(one))
    await run()
    assert.equal((await calls()).split('\n').length, 2)
  }
})

test('a failed install ends with status 1 and is tried again the next time', async () => {
  const { checkout, run, calls } = await makeCheckout()
  await using _ = checkout
  await checkout.write('package-lock.json', lockOf(one))
  const failed = await run('fail')
  assert.equal(failed.status, 1)
  assert.match(failed.output, /E404\n`npm install` ended with 3;.*registry/)
  assert.equal((await run()).status, 0)
  assert.equal((await calls()).split('\n').length, 3)
})
