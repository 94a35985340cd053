import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, writeFile } from 'node:fs/promises'
import { type Server, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, test } from 'node:test'
import { openAddressGuard } from '#kernel/addresses.ts'
import { processTable, startTicks } from '#kernel/processes.ts'
import { chromiumFor, evaluate, openHost, openPlace, slotOf, untilOneAnswers } from './fixture.ts'
import type { HostedBrowser, Survivor } from './host.ts'

const CLEAN = { processes: 0, directories: 0, sockets: 0 }
const place = await openPlace()
const chromium = await chromiumFor(place)
after(() => place[Symbol.asyncDispose]())

test('a browser outlives the process that launched it, and the next one adopts it', async () => {
  await using site = await openSite()
  const owned = await launchInAnother(['ses_kept'], site.allow)
  const { sessionId, pid, endpoint } = owned.browsers[0]!
  await evaluate(endpoint, 'document.title', site.url)
  await killOwner(owned.owner)

  await using host = await openHost(place, chromium, openAddressGuard({ allow: [site.allow] }))
  const survivors = await host.survivors()
  assert.deepEqual(
    survivors.map((one) => [one.sessionId, one.pid, one.endpoint]),
    [[sessionId, pid, endpoint]],
  )
  const adopted = await host.adopt(survivors[0]!)
  assert.equal(await host.reap(new Set()), 0)

  assert.equal(await evaluate(adopted.endpoint, 'document.title', site.url), 'reached')
  await untilOneAnswers(host)
  const lost = new Promise((resolve) => host.onLost((...facts) => resolve(facts.slice(0, 2))))
  process.kill(pid, 'SIGKILL')
  assert.deepEqual(await lost, [sessionId, 'crashed'])
  assert.deepEqual(await host.end(sessionId), CLEAN)
})

test('a claim and its rules outlive the process, and a browser that nobody had claimed is reaped', async () => {
  await using site = await openSite()
  const claim = { accountId: 'acc_1', expiresAt: '2030-01-01T00:00:00.000Z' }
  const options = { claim, egress: { deny: ['127.0.0.1'] } }
  const env = { KEEP_WARM: '1', LAUNCH_OPTIONS: JSON.stringify(options) }
  const { owner, browsers } = await launchInAnother(['ses_claimed'], site.allow, env)
  await killOwner(owner)
  assert.equal((await readdir(place.home.sessions)).length, 2)

  await using host = await openHost(place, chromium, openAddressGuard({ allow: [site.allow] }))
  const survivors = await host.survivors()
  const [{ sessionId, warm, files, claim: kept }] = survivors as [Survivor]
  assert.deepEqual([survivors.length, sessionId, warm], [1, 'ses_claimed', true])
  assert.deepEqual([kept, files], [claim, browsers[0]!.files])
  const { endpoint } = await host.adopt(survivors[0]!)
  assert.equal(await host.reap(new Set()), 1)

  assert.deepEqual(host.facts().claimed, 1)
  assert.notEqual(await evaluate(endpoint, 'document.title', site.url), 'reached')
  await host.admit('ses_claimed', {})
  assert.equal(await evaluate(endpoint, 'document.title', site.url), 'reached')
  assert.deepEqual(await host.end('ses_claimed'), CLEAN)
  assert.deepEqual(await readdir(place.home.sessions), [])
})

test('what is not adopted is reaped: a live browser, a stopped one, an orphan and a directory', async () => {
  const ids = ['ses_live', 'ses_stopped', 'ses_orphaned', 'ses_wanted']
  const { owner, browsers } = await launchInAnother(ids)
  const [live, stopped, orphaned, wanted] = browsers.map(({ pid }) => pid)
  await killOwner(owner)
  process.kill(-stopped!, 'SIGSTOP')
  // Its helpers are stopped so that they cannot end by themselves.
  const helpers = processTable().filter(({ sid, pid }) => sid === orphaned && pid !== orphaned)
  for (const { pid } of helpers) process.kill(pid, 'SIGSTOP')
  process.kill(orphaned!, 'SIGKILL')

  await using host = await openHost(place, chromium)
  assert.equal(await host.reap(new Set(['ses_wanted'])), 3)

  const left = processTable().filter(
    ({ sid, state }) => [live, stopped, orphaned].includes(sid) && state !== 'Z',
  )
  assert.deepEqual(left, [])
  assert.ok(helpers.length > 0)
  assert.ok(startTicks(wanted!))
  const { slotId } = (await slotOf(place, 'ses_wanted'))!
  assert.deepEqual(await readdir(place.home.sessions), [slotId])
  assert.deepEqual(await readdir(join(place.home.run, 'slots')), [`${slotId}.json`])
  assert.deepEqual(await host.end('ses_wanted'), CLEAN)
  assert.equal(startTicks(wanted!), undefined)
})

test('a slot file whose process is another one by now is not a survivor, and its process lives on', async () => {
  const stranger = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' })
  await once(stranger, 'spawn')
  await using host = await openHost(place, chromium)
  const { owner, browsers } = await launchInAnother(['ses_reused'])
  await killOwner(owner)
  const { file, record } = (await slotOf(place, 'ses_reused'))!
  await writeFile(file, JSON.stringify({ ...record, pid: stranger.pid }))

  assert.deepEqual(await host.survivors(), [])
  await host.reap(new Set())

  assert.ok(startTicks(stranger.pid!))
  assert.equal(startTicks(browsers[0]!.pid), undefined)
  stranger.kill('SIGKILL')
})

async function launchInAnother(ids: string[], allow = '127.0.0.9', env = {}) {
  const script = join(import.meta.dirname, 'fixture-owner.ts')
  const owner = spawn(process.execPath, [script, place.home.path, allow, ...ids], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const browsers: HostedBrowser[] = []
  for await (const line of createInterface(owner.stdout)) {
    browsers.push(JSON.parse(line))
    if (browsers.length === ids.length) break
  }
  assert.equal(browsers.length, ids.length)
  return { owner, browsers }
}

async function killOwner(owner: ChildProcess): Promise<void> {
  owner.kill('SIGKILL')
  await once(owner, 'exit')
}

async function openSite(): Promise<{ url: string; allow: string } & AsyncDisposable> {
  const server: Server = createServer((_, reply) => {
    reply.setHeader('content-type', 'text/html').end('<title>reached</title>')
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const allow = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    allow,
    url: `http://${allow}/`,
    async [Symbol.asyncDispose]() {
      server.close().closeAllConnections()
    },
  }
}
