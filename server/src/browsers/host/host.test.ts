import assert from 'node:assert/strict'
import { chmod, readFile, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { processTable, startTicks } from '#kernel/processes.ts'
import { eventually } from '#kernel/test-support.ts'
import { withDevTools } from './devtools.ts'
import { IDENTITY, evaluate, openHost, openTestHost, slotOf } from './fixture.ts'
import type { BrowserHost } from './host.ts'
import { LaunchFailed } from './launch.ts'
import { listeningSockets } from './listening.ts'

const CLEAN = { processes: 0, directories: 0, sockets: 0 }
const place = await openTestHost()
after(() => place[Symbol.asyncDispose]())
const { host, home, user, chromium } = place

test('a page sees the identity that its browser was launched with', async () => {
  const { endpoint } = await host.launch('ses_identity', {
    viewport: { width: 1111, height: 666 },
    userAgent: 'Mozilla/5.0 (Test) Gantry',
    locale: 'de-DE',
    timezone: 'Asia/Tokyo',
  })
  const seen = await evaluate(
    endpoint,
    `({
      viewport: [innerWidth, innerHeight],
      userAgent: navigator.userAgent,
      language: navigator.language,
      languages: navigator.languages,
      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      screenHolds: screen.width >= outerWidth && screen.height >= outerHeight,
    })`,
  )

  assert.deepEqual(seen, {
    viewport: [1111, 666],
    userAgent: 'Mozilla/5.0 (Test) Gantry',
    language: 'de-DE',
    languages: ['de-DE', 'de'],
    timezone: 'Asia/Tokyo',
    screenHolds: true,
  })
  assert.deepEqual(await host.end('ses_identity'), CLEAN)
})

test('a viewport narrower than any window is exact too', async () => {
  const viewport = { width: 375, height: 812 }
  const { endpoint } = await host.launch('ses_narrow', { viewport })
  assert.deepEqual(await evaluate(endpoint, '[innerWidth, innerHeight]'), [375, 812])
  await host.end('ses_narrow')
})

test('a browser runs apart: in a group of its own, without rights, its pages sandboxed', async () => {
  const { pid } = await host.launch('ses_apart', IDENTITY)
  const main = processTable().find((process) => process.pid === pid)!
  assert.deepEqual([main.pgid, main.sid], [pid, pid])

  if (user) assert.deepEqual(await statusOf(pid, 'Uid'), Array(4).fill(String(user.uid)))
  if (chromium.sandbox === 'works') {
    // Mode 2: a filter decides which system calls it may make. A renderer that begins has none yet.
    await eventually('a renderer has its sandbox', async () => {
      const renderers = processTable().filter(
        ({ sid, cmdline }) => sid === pid && cmdline.join(' ').includes('--type=renderer'),
      )
      const modes = await Promise.all(renderers.map((one) => statusOf(one.pid, 'Seccomp')))
      return modes.length > 0 && modes.every(([mode]) => mode === '2')
    })
  }
  await host.end('ses_apart')
})

test('a killed browser is noticed, and then wiped', async () => {
  const { pid } = await host.launch('ses_killed', IDENTITY)
  const lost = nextLoss('ses_killed')
  process.kill(pid, 'SIGKILL')

  assert.equal(await lost, 'killed')
  assert.equal(host.get('ses_killed'), undefined)
  assert.deepEqual(await host.end('ses_killed'), CLEAN)
})

test('a browser that crashes by itself is told apart from one that was killed', async () => {
  const lost = nextLoss('ses_crashed')
  const { endpoint } = await host.launch('ses_crashed', IDENTITY)
  await withDevTools(endpoint, 60_000, (send) => send('Browser.crash')).catch(() => {})

  assert.equal(await lost, 'crashed')
  assert.deepEqual(await host.end('ses_crashed'), CLEAN)
})

test('a hung browser fails the check and ends like any other', async () => {
  const { pid } = await host.launch('ses_hung', IDENTITY)
  process.kill(-pid, 'SIGSTOP')

  const { ok, detail } = await host.check()
  assert.equal(ok, false)
  assert.match(detail, /^0 of 1 browsers answer$/)
  assert.deepEqual(await host.end('ses_hung'), CLEAN)
})

test('a session that is ended while its browser starts leaves nothing', async () => {
  await using slow = await openSlowHost()
  const launching = slow.launch('ses_early', IDENTITY)
  const refused = assert.rejects(launching, { name: 'LaunchFailed', reason: 'aborted' })
  const pid = await pidOf('ses_early')
  assert.deepEqual(await slow.end('ses_early'), CLEAN)
  await refused
  await assertGone(slow, 'ses_early', pid)
})

test('an aborted launch leaves nothing', async () => {
  await using slow = await openSlowHost()
  const abort = new AbortController()
  const launching = slow.launch('ses_aborted', IDENTITY, { signal: abort.signal })
  const refused = assert.rejects(launching, { name: 'LaunchFailed', reason: 'aborted' })
  const pid = await pidOf('ses_aborted')
  abort.abort()
  await refused
  await assertGone(slow, 'ses_aborted', pid)
})

test('a launch that fails says why, leaves nothing, and makes the next start prove again', async () => {
  const error = 'libnss3.so: cannot open shared object file'
  const failure = await launchScript(`echo "${error}" >&2; exit 127`)

  assert.equal(failure.reason, 'exited')
  assert.equal(failure.stderrTail, error)
  assert.match(failure.message, /status 127.*libnss3\.so/)
  assert.deepEqual(await readdir(home.sessions), [])
  await assert.rejects(stat(join(home.run, 'chromium.json')), { code: 'ENOENT' })
})

test('a browser gets nothing of our environment', async () => {
  const { stderrTail } = await launchScript('env >&2; exit 1')
  const names = stderrTail.split('\n').map((line) => line.split('=')[0]!)
  // The shell adds these by itself.
  const own = names.filter((name) => !['PWD', 'OLDPWD', 'SHLVL', '_'].includes(name)).sort()
  const given = 'DBUS_SESSION_BUS_ADDRESS HOME LANG LANGUAGE PATH TMPDIR TZ'.split(' ')
  assert.deepEqual(own, given.concat(Object.keys(chromium.environment)).sort())
})

test('five sessions, two of them killed, leave no process, directory, slot file or socket', async () => {
  const ids = ['ses_1', 'ses_2', 'ses_3', 'ses_4', 'ses_5']
  const browsers = await Promise.all(ids.map((id) => host.launch(id, IDENTITY)))
  const ports = browsers.map(({ endpoint }) => Number(new URL(endpoint).port))
  assert.equal((await listeningSockets(ports)).size, 5)
  const lost = [nextLoss('ses_2'), nextLoss('ses_4')]
  process.kill(browsers[1]!.pid, 'SIGKILL')
  process.kill(browsers[3]!.pid, 'SIGSEGV')
  await Promise.all(lost)

  const reports = await Promise.all(ids.map((id) => host.end(id)))

  assert.deepEqual(
    reports,
    ids.map(() => CLEAN),
  )
  const sids = new Set(browsers.map(({ pid }) => pid))
  const left = processTable().filter(({ sid, state }) => sids.has(sid) && state !== 'Z')
  assert.deepEqual(left, [])
  assert.deepEqual(await readdir(home.sessions), [])
  assert.deepEqual(await readdir(join(home.run, 'slots')), [])
  assert.equal((await listeningSockets(ports)).size, 0)
})

test('an unknown session is clean, and ending one twice gives the same report', async () => {
  assert.deepEqual(await host.end('ses_unknown'), CLEAN)
  await host.launch('ses_twice', IDENTITY)
  const [first, second] = await Promise.all([host.end('ses_twice'), host.end('ses_twice')])
  assert.deepEqual([first, second, await host.end('ses_twice')], [CLEAN, CLEAN, CLEAN])
})

test('killing everything at once is done when the call returns', async () => {
  const { pid } = await host.launch('ses_now', IDENTITY)
  host.killAllNow()
  await eventually('the browser is gone', () => !alive(pid))
  assert.deepEqual(await host.end('ses_now'), CLEAN)
})

test('no more browsers than the host has room for', async () => {
  await using full = await openHost(place, chromium, undefined, 0)
  const refused = full.launch('ses_full', IDENTITY)
  await assert.rejects(refused, { name: 'HostFull', reason: 'count', retryAfterSeconds: 5 })
})

/** A host whose browsers run, and are never done with their start. */
const openSlowHost = () => openScriptHost('sleep 600 & wait')

/** A host that launches a shell script in place of Chromium. */
async function openScriptHost(text: string): Promise<BrowserHost> {
  const path = join(home.browsers, 'script')
  await writeFile(path, `#!/bin/sh\n${text}\n`)
  await chmod(path, 0o755)
  return openHost(place, { ...chromium, path })
}

/** How the launch of a shell script in place of Chromium fails. */
async function launchScript(text: string): Promise<LaunchFailed> {
  await using broken = await openScriptHost(text)
  const failure = await broken.launch('ses_script', IDENTITY).catch((error) => error)
  assert.ok(failure instanceof LaunchFailed)
  return failure
}

function nextLoss(wanted: string): Promise<string> {
  return new Promise((resolve) => {
    host.onLost((sessionId, reason) => {
      if (sessionId === wanted) resolve(reason)
    })
  })
}

async function pidOf(sessionId: string): Promise<number> {
  let pid: number | undefined
  await eventually('the browser has a process', async () => {
    pid = (await slotOf(place, sessionId))?.record.pid
    return pid !== undefined
  })
  return pid!
}

async function assertGone(of: BrowserHost, sessionId: string, pid: number): Promise<void> {
  assert.equal(alive(pid), false)
  assert.equal(of.get(sessionId), undefined)
  assert.deepEqual(await readdir(home.sessions), [])
  assert.deepEqual(await readdir(join(home.run, 'slots')), [])
}

function alive(pid: number): boolean {
  return startTicks(pid) !== undefined
}

async function statusOf(pid: number, field: string): Promise<string[]> {
  const lines = (await readFile(`/proc/${pid}/status`, 'utf8')).split('\n')
  const line = lines.find((line) => line.startsWith(`${field}:`))
  return line!.split('\t').slice(1)
}
