import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { processTable, signalProcess } from '#kernel/processes.ts'
import { eventually } from '#kernel/test-support.ts'
import { Account } from './account.ts'
import type { Rental } from './rental.ts'
import { Scene } from './scene.ts'
import { closing, open } from './wire.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())
const HANGS = '/hangs'
const scene = stack.use(
  await Scene.open({}, ({ url }, response) => {
    if (url !== HANGS) response.end('<!doctype html><title>A page</title>')
  }),
)

const kill = ({ browser }: Rental) => signalProcess(browser.pid, 'SIGKILL')

/** What a session whose Chromium was killed says of that. */
function saysCrashed(session: { status: string; endReason: string; errorMessage: string }): void {
  assert.deepEqual([session.status, session.endReason], ['error', 'crashed'])
  assert.match(session.errorMessage, /SIGKILL/)
}

test('a Chromium that is killed while it is idle ends its session, and later commands say why', async (t) => {
  const ended = await scene.survives(t, async (culprit) => {
    kill(culprit)
    await culprit.lost()
    const late = await culprit.command('execute', { script: '1' })
    assert.deepEqual([late.status, late.body.code], [410, 'browser.crashed'])
    assert.match(late.body.detail, /SIGKILL/)
  })
  saysCrashed(ended)
})

test('a Chromium that is killed under commands tells each of them', async (t) => {
  const ended = await scene.survives(t, async (culprit) => {
    const commands = [
      culprit.command('navigate', { url: scene.site.url + HANGS, timeoutMs: 60_000 }),
      culprit.command('execute', { script: '1' }),
      culprit.command('screenshot'),
    ]
    await eventually('it is on its way', async () => {
      const { body } = await culprit.account.get(`/sessions/${culprit.id}/state`)
      return body.loading !== false || body.url
    })
    kill(culprit)
    for (const { status, body } of await Promise.all(commands)) {
      assert.deepEqual([status, body.code], [410, 'browser.crashed'], JSON.stringify(body))
    }
    await culprit.lost()
  })
  saysCrashed(ended)
})

test('a Chromium that is killed closes the sockets of its clients and viewers, and says why', async (t) => {
  const ended = await scene.survives(t, async (culprit) => {
    const [cdp, live] = await Promise.all([open(culprit.cdpUrl), open(culprit.liveUrl)])
    const told = Promise.all([closing(cdp), closing(live)])
    kill(culprit)
    const [atCdp, atLive] = await told
    assert.deepEqual(atCdp, { code: 1011, reason: 'the browser has closed the connection' })
    assert.ok([4001, 4002].includes(atLive.code), JSON.stringify(atLive))
    await culprit.lost()
  })
  saysCrashed(ended)
})

test('what was recorded of a Chromium that is killed stays', async (t) => {
  const recording = { frames: true, network: true }
  const fault = async (culprit: Rental) => {
    await culprit.command('navigate', { url: scene.site.url })
    kill(culprit)
    await culprit.lost()
    const path = `/sessions/${culprit.id}`
    await eventually('the recording is complete', async () => {
      const answer = await culprit.account.get(`${path}/recording`)
      return answer.status === 200 && answer.body.complete
    })
    const har = await culprit.account.get(`${path}/har`)
    assert.ok(har.body.log.entries.length > 0)
  }
  saysCrashed(await scene.survives(t, fault, { recording }))
})

test('a Chromium that hangs is ended all the same, and so is one that is killed meanwhile', async (t) => {
  for (const signal of ['SIGSTOP', 'SIGKILL'] as const) {
    await scene.survives(t, async (culprit) => {
      signalProcess(culprit.browser.pid, 'SIGSTOP')
      if (signal === 'SIGSTOP') return
      const ending = culprit.account.delete(`/sessions/${culprit.id}`)
      kill(culprit)
      assert.equal((await ending).status, 200)
    })
  }
})

test('the process of a page that is killed takes the page only', async (t) => {
  await scene.survives(t, async (culprit) => {
    const pages = processTable().filter(
      ({ sid, cmdline }) =>
        sid === culprit.browser.pid && cmdline.join(' ').includes('--type=renderer'),
    )
    for (const { pid } of pages) signalProcess(pid, 'SIGKILL')
    await eventually('the page is told to be gone, or is a fresh one', async () => {
      const { status, body } = await culprit.command('execute', { script: '1' })
      return status === 200 || body.code === 'browser.page_crashed'
    })
    const { status } = await culprit.command('navigate', { url: scene.site.url })
    assert.equal(status, 200, 'and another opens')
  })
})

test('a Chromium that is killed while it starts is told, and one that waits gets its place', async (t) => {
  await using small = await Scene.open({ MAX_SESSIONS: '2' })
  await small.survives(t, async (culprit) => {
    const [ann, bob] = [await Account.register(small.url), await Account.register(small.url)]
    // Every place is taken: both wait, one after the other.
    const creating = ann.post('/sessions', { queueTimeoutSeconds: 60 })
    await eventually('the first one waits', async () => {
      return (await ann.get('/sessions?status=queued')).body.items.length === 1
    })
    const waiting = await bob.post('/sessions', { wait: false, queueTimeoutSeconds: 60 })
    assert.equal(waiting.body.status, 'queued', JSON.stringify(waiting.body))
    kill(culprit)
    await culprit.lost()
    const starting = await eventually('it starts', () => launching(small, culprit))
    signalProcess(starting, 'SIGKILL')
    const { status, body } = await creating
    assert.ok(status === 201 || body.code === 'browser.launch_failed', JSON.stringify(body))
    if (status === 201) await ann.delete(`/sessions/${body.id}`)
    const path = `/sessions/${waiting.body.id}`
    await eventually(
      'the next has its browser',
      async () => {
        return (await bob.get(path)).body.status === 'active'
      },
      60_000,
    )
    const ended = await bob.delete(path)
    assert.deepEqual(ended.body.wipe, { processes: 0, directories: 0, sockets: 0 })
  })
})

/** A Chromium of the scene that has begun to start since the culprit's: nobody has a session of it yet. */
function launching({ running }: Scene, { browser }: Rental): number | undefined {
  const inside = `=${running.home}/sessions/`
  return processTable().find(({ pid, sid, cmdline }) => {
    if (pid !== sid || pid === browser.pid) return false
    return cmdline.some((part) => part.includes(inside)) && pid > browser.pid
  })?.pid
}
