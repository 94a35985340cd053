import assert from 'node:assert/strict'
import { chmod, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { ensureMasterKey, makeKeyFile, readKeyFiles } from './key-files.ts'

const directory = await mkdtemp(join(tmpdir(), 'gantry-keys-'))
after(() => rm(directory, { recursive: true }))

test('of many first starts at once one makes the key, and all have it', async () => {
  const keys = await mkdtemp(join(directory, 'first-'))
  const made = await Promise.all(Array.from({ length: 20 }, () => ensureMasterKey(keys)))
  assert.equal(new Set(made.map(({ key }) => key.id)).size, 1)
  assert.deepEqual(await readdir(keys), ['master.key'])
  const { mode, size } = await stat(join(keys, 'master.key'))
  assert.equal(mode & 0o777, 0o600)
  assert.equal(size, 32)
})

test('later keys stand beside the first, under their own names', async () => {
  const keys = await mkdtemp(join(directory, 'later-'))
  const made = [await ensureMasterKey(keys), await makeKeyFile(keys), await makeKeyFile(keys)]
  await writeFile(join(keys, 'postgres.password'), 'another thing')
  const read = await readKeyFiles(keys)
  const ids = (files: typeof read) => files.map(({ key }) => key.id).toSorted()
  assert.deepEqual(ids(read), ids(made))
  assert.equal(made[1]!.name, `kek-${made[1]!.key.id}.key`)
})

test('a key file that others may read, or that is no key, is refused with the cure', async () => {
  const keys = await mkdtemp(join(directory, 'wrong-'))
  const path = join(keys, 'master.key')
  await ensureMasterKey(keys)
  await chmod(path, 0o640)
  await assert.rejects(readKeyFiles(keys), /chmod 600/)
  await chmod(path, 0o600)
  const key = await readFile(path)
  for (const content of [Buffer.alloc(0), key.subarray(1), Buffer.concat([key, key])]) {
    await writeFile(path, content)
    await assert.rejects(readKeyFiles(keys), /not 32 bytes long/)
  }
})

test('a key under the name of another is refused', async () => {
  const keys = await mkdtemp(join(directory, 'named-'))
  const { name } = await makeKeyFile(keys)
  const other = 'kek-0123456789abcdef.key'
  await rename(join(keys, name), join(keys, other))
  await assert.rejects(readKeyFiles(keys), /0123456789abcdef\.key is not the one of its name/)
})
