import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventually, FakeCheckout, outcome } from './test/fake-checkout.ts'

/** Stands for the server: keeps its arguments, pids and signals in files, and ends as it is asked. */
const server = `
  import { appendFileSync } from 'node:fs'
  const note = (file, text) => appendFileSync(new URL('../../' + file, import.meta.url), text + '\\n')
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
    process.on(signal, () => {
      note('signals', signal)
      setTimeout(() => process.exit(7), 50)
    })
  }
  setTimeout(() => process.exit(9), 120_000)
  note('arguments', process.argv.slice(2).join(' '))
  note('pids', process.pid)`

/** As `start.mjs` does it, but with a minute before the first restart. */
const startPatiently = `
  import { fileURLToPath } from 'node:url'
  import { runInPlace } from './lib/child.mjs'
  import { supervise } from './lib/supervise.mjs'
  const gantry = fileURLToPath(new URL('../cli/bin/gantry.mjs', import.meta.url))
  const run = () => runInPlace(process.execPath, [gantry, 'serve'])
  process.exit(await supervise(run, { firstDelayMs: 60_000 }))`

async function startServer(args: string[] = [], script = 'scripts/start.mjs') {
  const checkout = await FakeCheckout.make({
    'cli/bin/gantry.mjs': server,
    'scripts/start-patiently.mjs': startPatiently,
  })
  await checkout.install()
  const start = checkout.run(script, args)
  const pids = async () => ((await checkout.read('pids')) ?? '').trim().split('\n').map(Number)
  const nthPid = (n: number) => eventually(`server ${n} is up`, async () => (await pids())[n - 1])
  return { checkout, start, ended: outcome(start), nthPid }
}

test('the server gets `serve` and the arguments, each signal once, and its status is passed on', async () => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    const { checkout, start, ended, nthPid } = await startServer(['--roles=api'])
    await using _ = checkout
    await nthPid(1)
    start.kill(signal)
    assert.equal((await ended).status, 7)
    assert.equal(await checkout.read('signals'), `${signal}\n`)
    assert.equal(await checkout.read('arguments'), 'serve --roles=api\n')
  }
})

test('a server that is killed is started again; one that ends by itself is not', async () => {
  const { checkout, ended, nthPid } = await startServer()
  await using _ = checkout
  process.kill(await nthPid(1), 'SIGKILL')
  process.kill(await nthPid(2), 'SIGTERM')
  const { status, output } = await ended
  assert.equal(status, 7)
  assert.equal(output, 'The server died of SIGKILL; starting it again in 0.5 s …\n')
})

test('a stop during the wait before a restart ends it', async () => {
  const script = 'scripts/start-patiently.mjs'
  const { checkout, start, ended, nthPid } = await startServer([], script)
  await using _ = checkout
  const waiting = new Promise((resolve) => start.stderr!.once('data', resolve))
  process.kill(await nthPid(1), 'SIGKILL')
  await waiting
  start.kill('SIGTERM')
  assert.equal((await ended).status, 143)
  assert.equal((await checkout.read('pids'))?.split('\n').length, 2)
})

test('a server outlives the kill of the process that started it', async () => {
  const { checkout, start, ended, nthPid } = await startServer()
  await using _ = checkout
  const pid = await nthPid(1)
  start.kill('SIGKILL')
  start.stdout!.destroy()
  start.stderr!.destroy()
  await ended
  process.kill(pid, 'SIGTERM')
  await eventually('the server has taken its own signal', () => checkout.read('signals'))
})
