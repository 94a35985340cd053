import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { copyFile, mkdir } from 'node:fs/promises'
import { once } from 'node:events'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  isSameProcess,
  processTable,
  signalGroup,
  signalProcess,
  startTicks,
  waitForExit,
} from './processes.ts'
import { eventually, temporaryPath } from './test-support.ts'

test('the table tells group, session, start and command line of a process', () => {
  const child = spawn('sleep', ['60'], { detached: true })
  try {
    const facts = processTable().find(({ pid }) => pid === child.pid)
    assert.ok(facts)
    assert.deepEqual([facts.ppid, facts.pgid, facts.sid], [process.pid, child.pid, child.pid])
    assert.equal(facts.startTicks, startTicks(facts.pid))
    assert.ok(facts.startTicks >= startTicks(process.pid)!)
  } finally {
    child.kill('SIGKILL')
  }
})

test('a name with parentheses and spaces does not shift the facts', async () => {
  const directory = temporaryPath()
  await mkdir(directory)
  const program = join(directory, 'a) Z 7 (b')
  await copyFile('/bin/sleep', program)
  const child = spawn(program, ['60'])
  try {
    const facts = await eventually('the program runs', () =>
      processTable().find(({ pid, cmdline }) => pid === child.pid && cmdline[0] === program),
    )
    assert.equal(facts.ppid, process.pid)
    assert.deepEqual(facts.cmdline, [program, '60'])
  } finally {
    child.kill('SIGKILL')
  }
})

test('a process is known by its pid and its start together', () => {
  const ticks = startTicks(process.pid)!
  assert.equal(isSameProcess(process.pid, ticks), true)
  assert.equal(isSameProcess(process.pid, ticks - 1), false)
})

test('a zombie has ended, though the table lists it', async () => {
  // The shell becomes a program that never collects the child it left.
  const parent = spawn('sh', ['-c', 'sleep 60 & echo $!; exec sleep 60'])
  try {
    const pid = Number(String((await once(parent.stdout, 'data'))[0]))
    await eventually('the shell is replaced', () =>
      processTable().find((row) => row.pid === parent.pid && row.cmdline[0] === 'sleep'),
    )
    const ticks = startTicks(pid)!
    signalProcess(pid, 'SIGKILL')
    assert.equal(await waitForExit(pid, ticks, 60_000), true)
    assert.equal(processTable().find((row) => row.pid === pid)?.state, 'Z')
  } finally {
    parent.kill('SIGKILL')
  }
})

test('waiting for an exit ends at its deadline', async () => {
  assert.equal(await waitForExit(process.pid, startTicks(process.pid)!, 30), false)
})

test('a signal reaches every member of a group', async () => {
  const leader = spawn('sh', ['-c', 'sleep 60 & echo $!; wait'], { detached: true })
  const member = Number(String((await once(leader.stdout, 'data'))[0]))
  const ticks = startTicks(member)!
  assert.equal(signalGroup(leader.pid!, 'SIGKILL'), true)
  assert.equal(await waitForExit(member, ticks, 60_000), true)
})

test('to signal what is gone is no error', async () => {
  const child = spawn('true', { detached: true })
  await once(child, 'exit')
  assert.equal(signalProcess(child.pid!, 'SIGKILL'), false)
  assert.equal(signalGroup(child.pid!, 'SIGKILL'), false)
})

test('neither everybody nor the own group can be signalled by accident', () => {
  for (const id of [0, 1, -1, Number.NaN]) {
    assert.throws(() => signalGroup(id, 'SIGCONT'), RangeError)
    assert.throws(() => signalProcess(id, 'SIGCONT'), RangeError)
  }
})
