import assert from 'node:assert/strict'
import { chmod, copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { addKey, prepareKey, retireKey } from '#kernel/secrets/rotate.ts'
import { rootColumn } from '#kernel/secrets/sealing-keys.ts'
import { makeSealingKeys } from '#kernel/secrets/test-support.ts'
import { cloneDatabase } from '#test/database.ts'
import { resealAll } from './service.ts'

const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())

async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'gantry-keys-'))
  stack.defer(() => rm(path, { recursive: true }))
  return path
}

/** Two machines over one database; the second has the first key only. */
async function twoMachines() {
  const { address } = stack.use(await cloneDatabase())
  const [here, apart] = [await directory(), await directory()]
  const one = stack.use(await makeSealingKeys({ address, directory: here }))
  await copyFile(join(here, 'master.key'), join(apart, 'master.key'))
  const two = stack.use(await makeSealingKeys({ address, directory: apart }))
  return { one, two, here, apart, address }
}

type Machine = Awaited<ReturnType<typeof makeSealingKeys>>
const columns = [rootColumn]
const work = ({ kernel, keys }: Machine) =>
  resealAll(kernel.ctx, { keys, columns, knownMs: 0 }, { progress: async () => {} })

test('T54: a machine that lacks the next key does not let it seal, starts all the same, and the key can be given up', async () => {
  const { one, two, apart, address } = await twoMachines()
  const { row } = await addKey(one.kernel.ctx, one.keys)
  await assert.rejects(work(two), new RegExp(`sealing key ${row.id} is not known here`))
  assert.match(two.keys.trouble!, /put back/)
  const again = stack.use(await makeSealingKeys({ address, directory: apart }))
  assert.equal(again.keys.activeId, one.keys.activeId)
  assert.deepEqual(await retireKey(one.kernel.ctx, columns, row.id), { done: true })
  await two.keys.refresh()
  assert.equal(two.keys.trouble, undefined)
})

test('T54: where the file of the active key cannot be read nothing is sealed with the one before', async () => {
  const { one, two, here, apart } = await twoMachines()
  const name = await prepareKey(one.keys)
  await copyFile(join(here, name), join(apart, name))
  await chmod(join(apart, name), 0o644)
  await addKey(one.kernel.ctx, one.keys)
  await work(one)
  await assert.rejects(two.keys.refresh(), /chmod 600/)
  assert.match(two.keys.trouble!, /chmod 600/)
  assert.throws(() => two.keys.keyring.seal('test', [], Buffer.from('x')), {
    name: 'SealingKeyMissing',
  })
  await chmod(join(apart, name), 0o600)
  await two.keys.refresh()
  assert.ok(two.keys.keyring.seal('test', [], Buffer.from('x')))
})
