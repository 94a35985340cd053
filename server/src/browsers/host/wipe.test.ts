import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, after, test } from 'node:test'
import { processTable, signalGroup, startTicks } from '#kernel/processes.ts'
import { eventually } from '#kernel/test-support.ts'
import { chromiumFor, openHost, openPlace } from './fixture.ts'
import { ProcessTables } from './process-tables.ts'
import { wipe } from './wipe.ts'

const place = await openPlace()
after(() => place[Symbol.asyncDispose]())
const { sessions } = place.home
const unknown = {
  strangers: new Set<number>(),
  tables: new ProcessTables(),
  ports: [],
  close: async () => {},
}

test('a process is found by the directory in its switches, and one that only reads there is spared', async (t) => {
  const directory = join(sessions, 'ses_marked')
  await mkdir(directory)
  const marked = await sleepNamed(t, `--user-data-dir=${directory}/profile`)
  const reader = await sleepNamed(t, join(directory, 'stderr.log'))

  const report = await wipe({ ...unknown, directory })

  assert.deepEqual(report, { processes: 0, directories: 0, sockets: 0 })
  assert.equal(startTicks(marked), undefined)
  assert.ok(startTicks(reader))
})

test('what a dead leader leaves is found by its session, unless it is another program', async (t) => {
  const { leader, follower } = await leaderWithFollower(t)
  process.kill(leader.pid, 'SIGKILL')
  const isListed = () => processTable().some(({ pid }) => pid === leader.pid)
  await eventually('the leader is collected', () => !isListed())
  const directory = join(sessions, 'ses_orphans')

  await wipe({ ...unknown, directory, leader: { ...leader, executable: '/usr/bin/other' } })
  assert.ok(startTicks(follower))
  await wipe({ ...unknown, directory, leader: { ...leader, startTicks: 1 } })
  assert.equal(startTicks(follower), undefined)
})

test('a leader whose pid is another process by now protects that process', async (t) => {
  const { leader, follower } = await leaderWithFollower(t)
  const earlier = { ...leader, startTicks: leader.startTicks - 1 }

  await wipe({ ...unknown, directory: join(sessions, 'ses_earlier'), leader: earlier })

  assert.ok(startTicks(leader.pid))
  assert.ok(startTicks(follower))
})

test('no process can make us remove a directory outside of the sessions', async (t) => {
  const stranger = await sleepNamed(t, `=${sessions}/../keys`)
  await using host = await openHost(place, await chromiumFor())

  await host.reap(new Set())

  assert.ok((await stat(place.home.keys)).isDirectory())
  assert.ok(startTicks(stranger))
})

test("a user's directory is removed with that user's rights, and what they do not reach is counted", async (t) => {
  const { user } = place
  if (!user) return t.skip('needs root')
  const directory = join(sessions, 'ses_owned')
  const locked = join(directory, 'locked')
  await mkdir(locked, { recursive: true })
  await writeFile(join(locked, 'file'), '')
  await chmod(locked, 0o755)
  await chown(directory, user.uid, user.gid)

  const kept = await wipe({ ...unknown, directory, user })
  assert.equal(kept.directories, 1)
  assert.ok(await stat(join(locked, 'file')))

  await chown(locked, user.uid, user.gid)
  const gone = await wipe({ ...unknown, directory, user })
  assert.equal(gone.directories, 0)
})

/** A process that leads a session, and another in that session. */
async function leaderWithFollower(t: TestContext) {
  const script = 'sleep 60 & echo $!; exec sleep 61'
  const child = spawn('sh', ['-c', script], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] })
  const pid = child.pid!
  t.after(() => signalGroup(pid, 'SIGKILL'))
  const [line] = await once(child.stdout, 'data')
  return {
    leader: { pid, startTicks: startTicks(pid)!, executable: 'sleep' },
    follower: Number(String(line)),
  }
}

/** A process with this text in its command line. */
async function sleepNamed(t: TestContext, argv0: string): Promise<number> {
  const child = spawn('sleep', ['60'], { argv0, stdio: 'ignore' })
  t.after(() => child.kill('SIGKILL'))
  await once(child, 'spawn')
  return child.pid!
}
