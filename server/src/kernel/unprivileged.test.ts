import assert from 'node:assert/strict'
import { chmod, mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { becomeOrdinary, isRoot, Script, temporaryPath } from './test-support.ts'
import { canEnter, findUsers, runAs } from './unprivileged.ts'

test('root gets two users, neither of them root, and the same ones each time', async (t) => {
  if (!isRoot) return t.skip('needs root')
  const [first, ...others] = await Promise.all(Array.from({ length: 4 }, () => findUsers()))
  const { database, browser } = first!
  assert.ok(database && browser)
  assert.notEqual(database.uid, browser.uid)
  assert.ok(database.uid > 0 && database.gid > 0 && browser.uid > 0 && browser.gid > 0)
  for (const other of others) assert.deepEqual(other, first)
})

test('only the users that are asked for are looked for', async (t) => {
  if (!isRoot) return t.skip('needs root')
  assert.deepEqual(Object.keys(await findUsers(['browser'])), ['browser'])
})

test('an ordinary user runs everything as itself', async () => {
  using script = new Script(
    { findUsers: './unprivileged.ts' },
    `${isRoot ? becomeOrdinary : ''}
     process.stdout.write(JSON.stringify(await findUsers()))`,
  )
  assert.equal(await script.output, '{}')
})

test('a program runs as the user, with none of our groups or environment', async (t) => {
  if (!isRoot) return t.skip('needs root')
  const { database } = await findUsers()
  const { status, output } = await runAs(database, '/bin/sh', ['-c', 'id -u; id -G; env'])
  assert.equal(status, 0)
  const [uid, groups, ...environment] = output.trim().split('\n')
  assert.deepEqual([uid, groups], [String(database!.uid), String(database!.gid)])
  const names = environment.map((line) => line.split('=')[0])
  assert.deepEqual(
    names.filter((name) => !['PATH', 'LC_ALL', 'PWD', '_', 'SHLVL', 'OLDPWD'].includes(name!)),
    [],
  )
})

test('every parent decides whether a user can enter, also behind a link', async (t) => {
  if (!isRoot) return t.skip('needs root')
  const { browser } = await findUsers()
  const top = temporaryPath()
  const inner = join(top, 'middle/inner')
  const link = temporaryPath('-link')
  await mkdir(inner, { recursive: true })
  for (const path of [top, join(top, 'middle'), inner]) await chmod(path, 0o711)
  await symlink(inner, link)
  assert.deepEqual([await canEnter(browser!, inner), await canEnter(browser!, link)], [true, true])
  await chmod(top, 0o700)
  assert.deepEqual(
    [await canEnter(browser!, inner), await canEnter(browser!, link)],
    [false, false],
  )
  assert.equal(await canEnter(browser!, join(top, 'absent')), false)
})
