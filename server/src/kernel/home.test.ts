import assert from 'node:assert/strict'
import { chmod, chown, mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { openHome } from './home.ts'
import { becomeOrdinary, isRoot, ORDINARY_ID, Script, temporaryPath } from './test-support.ts'

async function modeOf(path: string): Promise<string> {
  return ((await stat(path)).mode & 0o777).toString(8)
}

async function checkoutWith(mode: number): Promise<string> {
  const parent = temporaryPath()
  const checkout = join(parent, 'my shop')
  await mkdir(checkout, { recursive: true })
  await chmod(checkout, 0o755)
  await chmod(parent, mode)
  return checkout
}

test('the data directory is .gantry in the checkout, closed to all but what others must pass', async () => {
  const checkout = await checkoutWith(0o755)
  const home = await openHome({ checkout })
  assert.equal(home.path, join(checkout, '.gantry'))
  const passable = isRoot ? '711' : '700'
  for (const part of [home.path, home.postgres, home.sessions, home.browsers]) {
    assert.equal(await modeOf(part), passable)
  }
  for (const part of [home.run, home.keys, home.logs, home.objects]) {
    assert.equal(await modeOf(part), '700')
  }
  assert.deepEqual(await openHome({ checkout }), home)
})

test('a strict umask closes nothing that the users must pass', async (t) => {
  if (!isRoot) return t.skip('needs root')
  const wanted = join(temporaryPath(), 'a/b')
  using script = new Script(
    { openHome: './home.ts' },
    `process.umask(0o077)
     const { path } = await openHome({ wanted: '${wanted}', checkout: '/' })
     process.stdout.write(path)`,
  )
  assert.equal(await script.output, wanted)
})

test('in a checkout that the users cannot enter, root keeps the data apart and finds it again', async (t) => {
  if (!isRoot) return t.skip('needs root')
  const checkout = await checkoutWith(0o700)
  const home = await openHome({ checkout })
  after(() => rm(home.path, { recursive: true, force: true }))
  assert.match(home.path, /^\/var\/lib\/gantry\/my-shop-[0-9a-f]{8}$/)
  await chmod(join(checkout, '..'), 0o755)
  assert.equal((await openHome({ checkout })).path, home.path)
})

test('data in a checkout that was closed later is not left behind for an empty directory', async (t) => {
  if (!isRoot) return t.skip('needs root')
  const checkout = await checkoutWith(0o755)
  await openHome({ checkout })
  const parent = join(checkout, '..')
  await chmod(parent, 0o700)
  await assert.rejects(openHome({ checkout }), {
    message: new RegExp(
      `\\.gantry cannot serve: .*may not enter ${parent}\\. .*chmod o\\+x ${parent}`,
    ),
  })
})

test('a wanted directory is taken relative to the checkout, and keeps the rights that it has', async () => {
  const checkout = await checkoutWith(0o755)
  const wanted = join(checkout, 'data')
  await mkdir(wanted)
  await chmod(wanted, 0o755)
  const home = await openHome({ checkout, wanted: 'data' })
  assert.deepEqual([home.path, await modeOf(wanted)], [wanted, '755'])
})

test('a wanted directory that is a file is refused by name', async () => {
  const checkout = await checkoutWith(0o755)
  await writeFile(join(checkout, 'data'), '')
  await assert.rejects(openHome({ checkout, wanted: 'data' }), /data cannot serve: E.*GANTRY_HOME/)
})

test('data of another user is refused before anything in it is changed', async (t) => {
  if (!isRoot) return t.skip('needs root')
  const home = await openHome({ checkout: await checkoutWith(0o755) })
  for (const part of Object.values(home)) await chown(part, ORDINARY_ID, ORDINARY_ID)
  await assert.rejects(openHome({ wanted: home.path, checkout: '/' }), {
    message: new RegExp(`belongs to the user with uid ${ORDINARY_ID}\\. Start Gantry as that user`),
  })
})

test('an ordinary user has everything to itself, and is told where it may not write', async (t) => {
  if (!isRoot) return t.skip('needs root to become somebody else')
  const checkout = await checkoutWith(0o755)
  using refused = new Script({ openHome: './home.ts' }, ordinary(checkout))
  assert.match(await refused.output, /EACCES.*GANTRY_HOME to a directory that this user may write/)
  await chown(checkout, ORDINARY_ID, ORDINARY_ID)
  using served = new Script({ openHome: './home.ts' }, ordinary(checkout))
  assert.equal(await served.output, join(checkout, '.gantry'))
  assert.equal(await modeOf(join(checkout, '.gantry')), '700')
})

function ordinary(checkout: string): string {
  return `${becomeOrdinary}
    const home = await openHome({ checkout: '${checkout}' }).catch((error) => ({ path: error.message }))
    process.stdout.write(home.path)`
}
