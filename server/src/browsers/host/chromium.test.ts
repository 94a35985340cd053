import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { chmod, readFile, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { unpackCarried } from './carried.ts'
import { findChromium } from './chromium.ts'
import { IDENTITY, evaluate, log, openHost, openPlace } from './fixture.ts'
import { prove } from './prove.ts'

const place = await openPlace()
after(() => place[Symbol.asyncDispose]())
const { home } = place

test('the first search launches a Chromium, and the second goes by its memory', async () => {
  const found = await findChromium({ ...place, log, env: {} })
  assert.match(found.version, /^\d+\.\d+\.\d+\.\d+$/)
  assert.ok(['works', 'refused'].includes(found.sandbox))
  assert.deepEqual(await readdir(home.sessions), [])
  const own = ['/opt/google/chrome/chrome', '/usr/lib/chromium/chromium'].find(existsSync)
  if (own) assert.equal(found.path, own)

  const file = join(home.run, 'chromium.json')
  const memory = JSON.parse(await readFile(file, 'utf8'))
  memory.proof.version = 'as remembered'
  await writeFile(file, JSON.stringify(memory))
  const again = await findChromium({ ...place, log, env: {} })
  assert.deepEqual(again, { ...found, version: 'as remembered' })
})

test('what is remembered of another user or another file does not count', async () => {
  const file = join(home.run, 'chromium.json')
  const memory = JSON.parse(await readFile(file, 'utf8'))
  memory.proven = memory.proven.replace(/\|\d+$/, '|4711')
  memory.proof.version = 'as remembered'
  await writeFile(file, JSON.stringify(memory))

  const found = await findChromium({ ...place, log, env: {} })
  assert.notEqual(found.version, 'as remembered')
})

test('a configured path that cannot serve is an error, whatever else is installed', async () => {
  for (const [configured, why] of [
    ['/nonexistent/chrome', /ENOENT/],
    ['/bin/true', /status 0/],
  ] as const) {
    const search = findChromium({ ...place, configured, log, env: {} })
    await assert.rejects(search, (error: Error) => {
      assert.match(error.message, /^CHROMIUM_PATH names a Chromium that cannot run here/)
      assert.match(error.message, why)
      return true
    })
  }
  assert.deepEqual(await readdir(home.sessions), [])
})

test('a program without its libraries is refused in the words of the loader', async () => {
  const configured = join(home.browsers, 'chrome')
  const words = 'error while loading shared libraries: libnss3.so: cannot open shared object file'
  await writeFile(configured, `#!/bin/sh\necho '${words}' >&2\nexit 127\n`)
  await chmod(configured, 0o755)
  const search = findChromium({ ...place, configured, log, env: {} })
  await assert.rejects(search, (error: Error) => error.message.includes(words))
})

test('where the sandbox is refused, the proof says so and gives the reason', async (t) => {
  if (!place.user) return t.skip('needs root')
  const { path, environment } = await findChromium({ ...place, log, env: {} })
  // Chromium has no sandbox for root.
  const proof = await prove({ path, environment }, { home })
  assert.equal(proof.sandbox, 'refused')
  assert.match(proof.sandboxReason!, /root without --no-sandbox/)
})

test('the Chromium that npm carries runs where there is no other, and draws text', async () => {
  const umask = process.umask(0o077)
  const carried = (await unpackCarried(home, log))!
  process.umask(umask)
  const proof = await prove(carried, place)
  assert.equal(proof.headlessShell, true)
  assert.deepEqual(proof.frame, { width: 0, height: 0 })

  await using host = await openHost(place, { ...carried, ...proof })
  const { endpoint } = await host.launch('ses_carried', { ...IDENTITY, locale: 'de-DE' })
  const [width, locale] = await evaluate<[number, string]>(
    endpoint,
    `(() => {
      const context = document.createElement('canvas').getContext('2d')
      context.font = '20px sans-serif'
      return [context.measureText('wide').width, new Intl.DateTimeFormat().resolvedOptions().locale]
    })()`,
  )
  assert.ok(width > 10)
  assert.equal(locale, 'de-DE')
  await host.end('ses_carried')
  assert.deepEqual(
    (await readdir(home.browsers)).filter((name) => name.startsWith('unpacking')),
    [],
  )
})
