import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { ServerHome } from '@gantry/server/test/process.ts'
import { VERSION } from '@gantry/server/version.ts'

const run = promisify(execFile)
const GANTRY = join(import.meta.dirname, '../bin/gantry.mjs')

function gantry(args: string[], home: ServerHome) {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, GANTRY_HOME: home.path }
  return run(process.execPath, [GANTRY, ...args], { env, timeout: 120_000 })
}

const ADMIN = ['admin', 'create', '--email', 'root@example.test']
const PASSWORD = ['--password', 'plum-harbour-quiet-lantern-93']

test('version, migrate and admin create work with no server, and an admin can be made beside one', async () => {
  await using home = await ServerHome.make()
  assert.equal((await gantry(['version'], home)).stdout, `${VERSION}\n`)
  assert.match((await gantry(['migrate'], home)).stdout, /^\d+ migrations applied\.$/m)
  assert.match((await gantry(['migrate'], home)).stdout, /up to date/)
  assert.match((await gantry([...ADMIN, ...PASSWORD], home)).stdout, /is a super-admin now/)
  assert.deepEqual(home.processes(), [], 'its PostgreSQL is stopped again')

  await using server = await (await home.start()).ready()
  assert.doesNotMatch(server.output, /#setup=/, 'there is a super-admin already')
  const second = ['admin', 'create', '--email', 'second@example.test', ...PASSWORD]
  assert.match((await gantry(second, home)).stdout, /is a super-admin now/)
  const weak = await gantry([...ADMIN, '--password', 'short'], home).catch((error) => error)
  assert.equal(weak.code, 1)
  assert.match(weak.stderr, /password/i)
  const login = await fetch(`${server.url}/api/v1/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email: 'second@example.test', password: PASSWORD[1] }),
  })
  const { user } = (await login.json()) as { user: { roles: string[] } }
  assert.ok(user.roles.includes('super-admin'))
})
