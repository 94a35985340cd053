import { test } from 'node:test'
import { openLog } from '#kernel/log.ts'
import { eventually } from '#kernel/test-support.ts'
import type { News, RelayControl } from './control.ts'
import { Watch } from './watch.ts'

type Asked = Parameters<RelayControl['watch']>[0]

const NOTHING = { gone: [], peers: [], ports: [], peerToken: '', drain: false, config: {} as never }

/** A control plane that answers a question when it is told to. */
class Control {
  readonly revisions = new Map<string, number>()
  readonly #asked: { resolve(): void; reject(error: Error): void }[] = []

  readonly watch = async ({ after, tunnelIds, signal }: Asked): Promise<News> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    signal.addEventListener('abort', () => reject(new Error('given up')), { once: true })
    this.#asked.push({ resolve, reject })
    await promise
    const specs = tunnelIds.flatMap((id) => {
      const revision = this.revisions.get(id) ?? 0
      return revision > Number(after ?? 0) ? [{ id, revision } as News['specs'][number]] : []
    })
    return { ...NOTHING, after: String(Math.max(...this.revisions.values())), specs }
  }

  async answer(): Promise<void> {
    const asked = await eventually('a question', () => this.#asked.shift())
    asked.resolve()
  }

  async fail(): Promise<void> {
    const asked = await eventually('a question', () => this.#asked.shift())
    asked.reject(new Error('away'))
  }
}

/** What a relay knows, and has heard of that. */
async function watching(known: string[], control: Control) {
  const log = await openLog({ levels: { default: 'warn', byCategory: {} }, console: 'none' })
  const seen = new Map<string, number>()
  const watch = new Watch({
    ...{ control, log: log.category('relays'), tunnelIds: () => [...known] },
    onNews: ({ specs }) => specs.forEach(({ id, revision }) => seen.set(id, revision)),
  })
  return {
    ...{ watch, seen },
    async [Symbol.asyncDispose]() {
      await watch[Symbol.asyncDispose]()
      await log[Symbol.asyncDispose]()
    },
  }
}

test('what changes of a tunnel that becomes known while the control plane is asked is in the next answer', async () => {
  const control = new Control()
  const known = ['one']
  control.revisions.set('one', 1)
  await using relay = await watching(known, control)
  const { watch, seen } = relay
  await control.answer()
  await eventually('the first news', () => seen.get('one') === 1)
  control.revisions.set('two', 2)
  const asked = watch.told
  known.push('two')
  watch.learn(asked)
  // Both before the answer to a question that named only the one.
  control.revisions.set('two', 3).set('one', 4)
  await control.answer()
  await eventually('the second news', () => seen.get('one') === 4)
  await control.answer()
  await eventually('the change of the other', () => seen.get('two') === 3)
})

test('what changes of a tunnel while it is asked about over several answers is told once it is known', async () => {
  const control = new Control()
  const known = ['one']
  control.revisions.set('one', 1)
  await using relay = await watching(known, control)
  const { watch, seen } = relay
  await control.answer()
  await eventually('the first news', () => seen.get('one') === 1)
  // Read at 2, and slow to arrive.
  control.revisions.set('two', 2)
  const asked = watch.told
  for (const revision of [4, 6, 8]) {
    control.revisions.set('two', revision - 1).set('one', revision)
    await control.answer()
    await eventually('news of the one', () => seen.get('one') === revision)
  }
  known.push('two')
  watch.learn(asked)
  control.revisions.set('one', 10)
  await control.answer()
  await eventually('news of the one', () => seen.get('one') === 10)
  await control.answer()
  await eventually('the change of the other', () => seen.get('two') === 7)
})

test('a question that fails is asked again from where it began', async () => {
  const control = new Control()
  const known = ['one', 'two']
  control.revisions.set('one', 1).set('two', 2)
  await using relay = await watching(known, control)
  const { watch, seen } = relay
  const before = watch.told
  await control.answer()
  await eventually('the first news', () => seen.get('two') === 2)
  watch.learn(before)
  control.revisions.set('one', 3)
  await control.answer()
  await eventually('the second news', () => seen.get('one') === 3)
  await control.fail()
  seen.clear()
  await control.answer()
  await eventually('all is told anew', () => seen.get('two') === 2)
})
