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
  readonly #asked: (() => void)[] = []

  readonly watch = async ({ after, tunnelIds, signal }: Asked): Promise<News> => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    signal.addEventListener('abort', () => reject(new Error('given up')), { once: true })
    this.#asked.push(resolve)
    await promise
    const specs = tunnelIds.flatMap((id) => {
      const revision = this.revisions.get(id) ?? 0
      return revision > Number(after ?? 0) ? [{ id, revision } as News['specs'][number]] : []
    })
    return { ...NOTHING, after: String(Math.max(...this.revisions.values())), specs }
  }

  async answer(): Promise<void> {
    const answer = await eventually('a question', () => this.#asked.shift())
    answer()
  }
}

test('what changes of a tunnel that becomes known while the control plane is asked is in the next answer', async () => {
  await using log = await openLog({ levels: { default: 'warn', byCategory: {} }, console: 'none' })
  const control = new Control()
  const known = ['one']
  const seen = new Map<string, number>()
  control.revisions.set('one', 1)
  await using _watch = new Watch({
    ...{ control, log: log.category('relays'), tunnelIds: () => [...known] },
    onNews: ({ specs }) => specs.forEach(({ id, revision }) => seen.set(id, revision)),
  })
  await control.answer()
  await eventually('the first news', () => seen.get('one') === 1)
  control.revisions.set('two', 2)
  known.push('two')
  // Both before the answer to a question that named only the one.
  control.revisions.set('two', 3).set('one', 4)
  await control.answer()
  await eventually('the second news', () => seen.get('one') === 4)
  await control.answer()
  await eventually('the change of the other', () => seen.get('two') === 3)
})
