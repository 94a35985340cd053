import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Actor } from '#kernel/context.ts'
import type { Capability } from '#kernel/capability.ts'
import { checkMatrix, allows, permissionsIn, renderMatrix, roles } from './index.ts'
import { matrix, permissionsOf, type Role } from './matrix.ts'

const everything: Capability = {
  name: 'everything',
  summary: 'A manifest with every permission of the matrix',
  permissions: Object.fromEntries(Object.keys(matrix).map((name) => [name, `May ${name}`])),
}

function user(...held: string[]): Actor {
  return { kind: 'user', userId: 'usr_1', accountId: 'acc_1', signInId: 'sgn_1', roles: held }
}

function key(scopes: string[], ...held: string[]): Actor {
  const ids = { keyId: 'key_1', userId: 'usr_1', accountId: 'acc_1' }
  return { kind: 'key', ...ids, roles: held, scopes }
}

test('each role holds exactly what its column of the matrix says', () => {
  for (const role of Object.keys(roles) as Role[]) {
    for (const permission of Object.keys(matrix)) {
      const granted = matrix[permission]!.includes(role)
      assert.equal(allows(user(role), permission), granted, `${role} ${permission}`)
      assert.equal(permissionsOf(role).includes(permission), granted)
    }
  }
})

test('roles add up', () => {
  const both = user('support', 'account-viewer')
  assert.ok(allows(both, 'jobs.read') && allows(both, 'sessions.read'))
  assert.ok(!allows(both, 'jobs.write') && !allows(both, 'sessions.write'))
})

test('a super-admin holds every permission, and no account role a platform one', () => {
  assert.deepEqual(permissionsOf('super-admin'), Object.keys(matrix))
  const ofAccounts = Object.keys(roles).filter((name) => roles[name as Role].scope === 'account')
  for (const permission of ['settings.read', 'jobs.read', 'errors.read', 'recovery.run']) {
    assert.ok(!allows(user(...ofAccounts), permission), permission)
  }
})

test('the admin of an account is not an admin of the platform', () => {
  assert.ok(allows(user('admin'), 'settings.write'))
  assert.ok(!allows(user('account-admin'), 'settings.write'))
})

test('nobody, an unknown role and an unknown permission get nothing; the system gets all', () => {
  assert.ok(!allows({ kind: 'anonymous' }, 'sessions.read'))
  assert.ok(!allows(user(), 'sessions.read'))
  for (const name of ['root', 'constructor', '__proto__', 'Super-Admin']) {
    assert.ok(!allows(user(name), 'sessions.read'), name)
    assert.ok(!allows(user('super-admin'), name), name)
  }
  assert.ok(allows({ kind: 'system', name: 'sweep' }, 'sessions.write'))
})

test('a key may do what its scopes and the roles of its maker both hold', () => {
  for (const role of Object.keys(roles) as Role[]) {
    for (const permission of Object.keys(matrix)) {
      const [noun] = permission.split('.')
      const may = allows(user(role), permission) && noun !== 'keys'
      for (const scope of [permission, `${noun}.*`]) {
        assert.equal(allows(key([scope], role), permission), may, `${role} ${scope} ${permission}`)
      }
      const others = Object.keys(matrix).filter((name) => name !== permission)
      assert.ok(!allows(key(others, role), permission), `${role} ${permission}`)
    }
  }
  assert.ok(!allows(key([], 'super-admin'), 'sessions.read'))
  assert.ok(!allows(key(['sessions.*']), 'sessions.read'))
})

test('no scope reaches keys, and none stands for more than one noun', () => {
  for (const scope of [
    'keys.read',
    'keys.write',
    'keys.*',
    '*',
    '*.*',
    '.*',
    'sessions',
    'moons.*',
  ]) {
    assert.deepEqual(permissionsIn(scope), [], scope)
    for (const permission of Object.keys(matrix)) {
      assert.ok(!allows(key([scope], 'super-admin'), permission), `${scope} ${permission}`)
    }
  }
  assert.deepEqual(permissionsIn('sessions.read'), ['sessions.read'])
  const ofSessions = Object.keys(matrix).filter((name) => name.startsWith('sessions.'))
  assert.deepEqual(permissionsIn('sessions.*'), ofSessions)
})

test('a permission that only the manifests or only the matrix has stops the start', () => {
  checkMatrix([everything])
  const more = { name: 'more', summary: '', permissions: { 'moons.read': 'Look up' } }
  assert.throws(() => checkMatrix([everything, more]), /'moons.read' is defined but no row/)
  assert.throws(() => checkMatrix([]), /'sessions.read' is granted but not defined/)
})

test('the printed matrix has a row for each permission and a mark for each grant', () => {
  const lines = renderMatrix([everything]).split('\n')
  const names = Object.keys(roles)
  for (const [permission, holders] of Object.entries(matrix)) {
    const line = lines.find((text) => text.startsWith(`| \`${permission}\``))
    assert.ok(line, permission)
    const marks = line.split('|').slice(3, 3 + names.length)
    const marked = names.filter((_, index) => marks[index]!.trim() === 'yes')
    assert.deepEqual(marked.sort(), [...holders].sort())
  }
})
