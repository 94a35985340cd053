import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { Problem } from '#kernel/problem.ts'
import { startApp } from '#test/app.ts'
import { runAgent } from './agents.ts'
import { closeLink, closeLinksOf, notePorts, openLink, type TunnelParts } from './index.ts'
import { startTunnel, stopTunnel } from './life.ts'
import { states, type TunnelState } from './states.ts'
import { giveUp } from './sweep.ts'
import { addRelay, addTunnel, partsOf } from './test-support.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())
const system = app.app.systemContext()
const ann = await app.person('ann')
// The person of a test has no sign-in.
const parts: TunnelParts = { ...partsOf(app), mayHold: async () => true }
const relays = [await addRelay(app), await addRelay(app)]

/** Two tunnels, and what has come to them. */
interface Scene {
  ids: readonly string[]
  runs: { id: string; label: string; tunnels: string[] }[]
  links: string[]
}

type Step = (scene: Scene) => Promise<unknown>

const pick = <Item>(items: readonly Item[], at: number): Item | undefined =>
  items.length > 0 ? items[at % items.length] : undefined

const request = (label: string, tunnels: string[], runId?: string) =>
  runAgent(ann.ctx, parts, { label, version: '1', tunnels, runId }, '127.0.0.1')

let made = 0

/** Each may find nothing to act on, or be refused. */
const steps: Record<string, (at: number) => Step> = {
  'an agent starts': (at) => async (scene) => {
    const label = at % 3 === 0 ? 'other' : 'laptop'
    const tunnels = at % 2 === 0 ? [...scene.ids] : [scene.ids[0]!]
    const { runId } = await request(label, tunnels)
    scene.runs.push({ id: runId, label, tunnels })
  },
  'an agent calls again': (at) => async (scene) => {
    const run = pick(scene.runs, at)
    if (run) await request(run.label, run.tunnels, run.id)
  },
  'a link opens': (at) => async (scene) => {
    const run = pick(scene.runs, at)
    const linkId = `lnk_${++made}`
    scene.links.push(linkId)
    const relayId = relays[at % 2]!
    const facts = { agentVersion: '1', ipAddress: '127.0.0.1', relayEpoch: 1 }
    if (run) await openLink(system, parts, { linkId, relayId, runId: run.id, ...facts })
  },
  'a link ends': (at) => async (scene) => closeLink(system, pick(scene.links, at) ?? 'none'),
  'a relay dies': (at) => async () => closeLinksOf(system, relays[at % 2]!, []),
  'a relay names some of its links': (at) => async (scene) =>
    closeLinksOf(
      system,
      relays[at % 2]!,
      scene.links.filter((_, i) => (i + at) % 2 === 0),
    ),
  'it is stopped': (at) => async (scene) => stopTunnel(ann.ctx, parts, pick(scene.ids, at)!),
  'it is started': (at) => async (scene) => startTunnel(ann.ctx, parts, pick(scene.ids, at)!),
  'a relay cannot open its port': (at) => async (scene) =>
    notePorts(system, relays[at % 2]!, [{ tunnelId: pick(scene.ids, at)!, error: 'no port' }]),
  'a relay opens its port after all': (at) => async (scene) =>
    notePorts(system, relays[at % 2]!, [{ tunnelId: pick(scene.ids, at)! }]),
  'nobody has linked': (at) => async (scene) =>
    giveUp(system, pick(scene.ids, at)!, system.clock.now()),
}

async function take(scene: Scene, step: Step): Promise<void> {
  try {
    await step(scene)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
  }
}

async function checkBooks({ ids }: Scene): Promise<void> {
  for (const id of ids) {
    const { status, started, errorMessage } = await system.db
      .selectFrom('tunnels')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
    const links = await system.db
      .selectFrom('tunnelLinks')
      .leftJoin('tunnelHolders', (join) =>
        join
          .onRef('tunnelHolders.tunnelId', '=', 'tunnelLinks.tunnelId')
          .onRef('tunnelHolders.agent', '=', 'tunnelLinks.agent'),
      )
      .select(['tunnelLinks.epoch', 'tunnelLinks.runId', 'tunnelHolders.epoch as held'])
      .select(['tunnelHolders.runId as holder', 'portError'])
      .where('tunnelLinks.tunnelId', '=', id)
      .execute()
    const isClosed = links.length > 0 && links.every(({ portError }) => portError !== null)
    assert.equal(status === 'error', isClosed, status)
    assert.equal(status === 'connected', links.length > 0 && !isClosed, status)
    assert.equal(status === 'error', errorMessage !== null)
    if (!started) assert.deepEqual([status, links], ['disconnected', []])
    for (const { epoch, runId, held, holder } of links) {
      assert.deepEqual([epoch, runId], [held, holder], 'a link of an epoch that is over')
    }
  }
}

/** The states that were announced follow one another by legal moves, and lead to the one that it is in. */
async function checkHistory({ ids }: Scene): Promise<void> {
  for (const id of ids) {
    const rows = await system.db
      .selectFrom('events')
      .select('kind')
      .where('target', '=', id)
      .orderBy('id')
      .execute()
    const announced = rows
      .map(({ kind }) => kind.replace('tunnel.', ''))
      .filter((name): name is TunnelState => states.names.includes(name as TunnelState))
    assert.equal(announced[0], 'created')
    for (const [i, to] of announced.entries()) {
      if (i > 0) assert.ok(states.allows(announced[i - 1]!, to), `${announced[i - 1]} to ${to}`)
    }
    const { status } = await system.db
      .selectFrom('tunnels')
      .select('status')
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
    assert.equal(announced.at(-1), status)
  }
}

const step = fc.tuple(fc.constantFrom(...Object.keys(steps)), fc.nat(11))

/** With a link already, so that something is lost by what ends it. */
async function openScene(): Promise<Scene> {
  const [one, other] = [await addTunnel(ann, {}), await addTunnel(ann, {})]
  const scene: Scene = { ids: [one.id, other.id], runs: [], links: [] }
  await take(scene, steps['an agent starts']!(2))
  await take(scene, steps['a link opens']!(0))
  await checkBooks(scene)
  return scene
}

async function endScene({ ids }: Scene): Promise<void> {
  for (const id of ids) assert.equal((await ann.delete(`/v1/tunnels/${id}`)).status, 204)
}

test('after any sequence of calls, agents, drops and dying relays the status agrees with the links in the books', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 16 }), async (taken) => {
      const scene = await openScene()
      for (const [name, at] of taken) {
        await take(scene, steps[name]!(at))
        await checkBooks(scene)
      }
      await checkHistory(scene)
      await endScene(scene)
    }),
    { numRuns: 10 },
  )
})

test('the same holds when several of them come at once', async () => {
  const together = fc.array(step, { minLength: 2, maxLength: 5 })
  await fc.assert(
    fc.asyncProperty(fc.array(together, { minLength: 3, maxLength: 8 }), async (rounds) => {
      const scene = await openScene()
      for (const round of rounds) {
        await Promise.all(round.map(([name, at]) => take(scene, steps[name]!(at))))
        await checkBooks(scene)
      }
      await checkHistory(scene)
      await endScene(scene)
    }),
    { numRuns: 8 },
  )
})
