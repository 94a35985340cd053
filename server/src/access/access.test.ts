import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Actor, Standing } from '#kernel/context.ts'
import type { Capability } from '#kernel/capability.ts'
import { checkMatrix, allows, permissionsIn, renderMatrix, roles } from './index.ts'
import { matrix, permissionsOf, standingsOf } from './matrix.ts'
import { grantablePlatformRoles, grantableRoles } from './ranks.ts'
import type { Role } from './roles.ts'

const STANDINGS: Standing[] = ['own', 'subtree', 'all']

const everything: Capability = {
  name: 'everything',
  summary: 'A manifest with every permission of the matrix',
  permissions: Object.fromEntries(Object.keys(matrix).map((name) => [name, `May ${name}`])),
}

type UserActor = Actor & { kind: 'user' }

function user(...held: string[]): UserActor {
  return { kind: 'user', userId: 'usr_1', accountId: 'acc_1', signInId: 'sgn_1', roles: held }
}

function key(scopes: string[], ...held: string[]): Actor {
  const ids = { keyId: 'key_1', userId: 'usr_1', accountId: 'acc_1' }
  return { kind: 'key', ...ids, roles: held, scopes }
}

test('each role holds exactly what its column of the matrix says', () => {
  for (const role of Object.keys(roles) as Role[]) {
    for (const permission of Object.keys(matrix)) {
      const { own = [], subtree = [], all = [] } = matrix[permission]!
      const granted = { own: [...own, ...all], subtree: [...subtree, ...all], all }
      for (const standing of STANDINGS) {
        const may = allows({ ...user(role), standing }, permission)
        const told = `${role} ${permission} ${standing}`
        assert.equal(may, (granted[standing] as readonly string[]).includes(role), told)
      }
      const somewhere = standingsOf(role, permission).length > 0
      assert.equal(permissionsOf(role).includes(permission), somewhere)
    }
  }
})

test('what is in an account stays with its members, whoever runs the installation or sells it on', () => {
  for (const permission of ['sessions.read', 'sessions.write', 'keys.read', 'keys.write']) {
    for (const standing of ['subtree', 'all'] as const) {
      const actor = { ...user('super-admin', 'admin', 'reseller-admin'), standing }
      assert.ok(!allows(actor, permission), `${permission} ${standing}`)
    }
  }
})

test('T40: nobody grants a role above their own; from above, every role of an account', () => {
  assert.deepEqual(grantableRoles(user('account-viewer')), ['viewer'])
  assert.deepEqual(grantableRoles(user('account-admin')), ['viewer', 'member', 'admin'])
  assert.ok(grantableRoles(user('account-owner')).includes('owner'))
  assert.ok(!grantableRoles(user('support', 'account-admin')).includes('owner'))
  const above = { ...user('reseller-admin'), standing: 'subtree' } as const
  assert.ok(grantableRoles(above).includes('owner'))
  assert.deepEqual(grantablePlatformRoles(user('account-owner', 'reseller-admin')), [])
  assert.deepEqual(grantablePlatformRoles(user('admin')), ['support', 'admin'])
  assert.deepEqual(grantableRoles({ kind: 'anonymous' }), [])
})

test('who acts as a user may not use what changes credentials, keys, members or the installation', () => {
  const actor = { ...user(...Object.keys(roles)), impersonatedBy: 'usr_2' }
  const lent = Object.keys(matrix).filter((permission) => allows(actor, permission))
  assert.deepEqual(
    lent.filter((permission) => !permission.endsWith('.read')),
    ['sessions.write'],
  )
})

test('roles add up', () => {
  const both = user('support', 'account-viewer')
  assert.ok(allows(both, 'jobs.read') && allows(both, 'sessions.read'))
  assert.ok(!allows(both, 'jobs.write') && !allows(both, 'sessions.write'))
})

test('a super-admin holds every permission, and no account role a platform one', () => {
  for (const permission of Object.keys(matrix)) {
    assert.ok(allows(user('super-admin'), permission), permission)
  }
  const ofAccounts = Object.keys(roles).filter((name) => roles[name as Role].scope !== 'platform')
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
    const marked = names.filter((_, index) => marks[index]!.trim() !== '')
    assert.deepEqual(marked.sort(), [...new Set(Object.values(holders).flat())].sort())
  }
})
