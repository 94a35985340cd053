import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { signalProcess, startTicks } from './processes.ts'
import { lockRole } from './role-lock.ts'
import { eventually, Script, temporaryHome } from './test-support.ts'

test('a second holder of a role is refused and told who has it', async () => {
  const home = await temporaryHome()
  await using _held = await lockRole(home, 'api')
  await assert.rejects(lockRole(home, 'api'), {
    message: new RegExp(`^Process ${process.pid} already runs the role api on ${home.path}\\.`),
  })
})

test('roles do not hinder each other, and a role given back can be taken', async () => {
  const home = await temporaryHome()
  const api = await lockRole(home, 'api')
  await using _worker = await lockRole(home, 'worker')
  await api[Symbol.asyncDispose]()
  await using _again = await lockRole(home, 'api')
  await api[Symbol.asyncDispose]()
  await assert.rejects(lockRole(home, 'api'), /already runs/)
})

test('of many that want a role at once, one gets it', async () => {
  const home = await temporaryHome()
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => lockRole(home, 'node')))
  const won = results.filter(({ status }) => status === 'fulfilled')
  assert.equal(won.length, 1)
})

test('kill -9 of the holder frees the role, though a program that it started lives on', async () => {
  const home = await temporaryHome()
  using holder = new Script(
    { lockRole: './role-lock.ts' },
    `import { spawn } from 'node:child_process'
     globalThis.lock = await lockRole(${JSON.stringify(home)}, 'api')
     const child = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' })
     process.stdout.write(child.pid + '\\n')
     setInterval(() => {}, 1000)`,
  )
  const survivor = Number(String((await once(holder.child.stdout!, 'data'))[0]))
  try {
    await assert.rejects(lockRole(home, 'api'), new RegExp(`^Error: Process ${holder.child.pid} `))
    holder.child.kill('SIGKILL')
    await once(holder.child, 'exit')
    await using _taken = await eventually('the role is free', () =>
      lockRole(home, 'api').catch(() => undefined),
    )
    assert.ok(startTicks(survivor))
  } finally {
    signalProcess(survivor, 'SIGKILL')
  }
})
