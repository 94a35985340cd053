import assert from 'node:assert/strict'
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { equalDigests, makeKeyring, openKeyring, sha256, UnsealFailed } from './crypto.ts'

const directory = await mkdtemp(join(tmpdir(), 'gantry-keys-'))
after(() => rm(directory, { recursive: true }))

const keyring = makeKeyring(sha256('a master key'))
const place = ['sign_ins', 'sgn_1', 'refresh_key']
const secret = Buffer.from('a secret of some length')

test('what was sealed for a place opens there', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.array(fc.string()), (plaintext, aad) => {
      const sealed = keyring.seal('test', aad, plaintext)
      assert.deepEqual(keyring.open('test', aad, sealed), Buffer.from(plaintext))
    }),
  )
})

test('two records of one text differ', () => {
  assert.notDeepEqual(keyring.seal('test', place, secret), keyring.seal('test', place, secret))
})

test('a record opens for no other place, purpose or master key', () => {
  const sealed = keyring.seal('test', place, secret)
  const others: [string, string[]][] = [
    ['test', ['sign_ins', 'sgn_2', 'refresh_key']],
    ['test', ['sign_ins', 'sgn_1refresh_key']],
    ['test', ['sign_inssgn_1', '', 'refresh_key']],
    ['other', place],
  ]
  for (const [purpose, aad] of others) {
    assert.throws(() => keyring.open(purpose, aad, sealed), UnsealFailed)
  }
  const stranger = makeKeyring(sha256('another master key'))
  assert.throws(() => stranger.open('test', place, sealed), UnsealFailed)
})

test('a record with one bit changed, cut short or grown does not open', () => {
  const sealed = keyring.seal('test', place, secret)
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const bent = Buffer.from(sealed)
    bent[bit >> 3]! ^= 1 << (bit & 7)
    assert.throws(() => keyring.open('test', place, bent), UnsealFailed, `bit ${bit}`)
  }
  for (let length = 0; length < sealed.length; length++) {
    const cut = sealed.subarray(0, length)
    assert.throws(() => keyring.open('test', place, cut), UnsealFailed, `${length} bytes`)
  }
  const grown = Buffer.concat([sealed, Buffer.of(0)])
  assert.throws(() => keyring.open('test', place, grown), UnsealFailed)
})

test('each purpose has a key of its own, which no caller can change', () => {
  assert.notDeepEqual(keyring.derive('one'), keyring.derive('two'))
  keyring.derive('one').fill(0)
  assert.deepEqual(keyring.derive('one'), makeKeyring(sha256('a master key')).derive('one'))
  assert.notDeepEqual(keyring.mac('one', 'text'), keyring.mac('two', 'text'))
})

test('digests are equal only when all bytes and the length are', () => {
  assert.ok(equalDigests(sha256('a'), sha256('a')))
  assert.ok(!equalDigests(sha256('a'), sha256('b')))
  assert.ok(!equalDigests(sha256('a'), sha256('a').subarray(1)))
})

test('of many first starts at once one makes the key, and all have it', async () => {
  const keys = await mkdtemp(join(directory, 'first-'))
  const keyrings = await Promise.all(Array.from({ length: 20 }, () => openKeyring(keys)))
  const derived = new Set(keyrings.map((one) => one.derive('test').toString('hex')))
  assert.equal(derived.size, 1)
  assert.deepEqual(await readdir(keys), ['master.key'])
  const { mode, size } = await stat(join(keys, 'master.key'))
  assert.equal(mode & 0o777, 0o600)
  assert.equal(size, 32)
})

test('a later start reads the same key', async () => {
  const keys = await mkdtemp(join(directory, 'later-'))
  const sealed = (await openKeyring(keys)).seal('test', place, secret)
  assert.deepEqual((await openKeyring(keys)).open('test', place, sealed), secret)
})

test('a key file that others may read, or that is no key, is refused with the cure', async () => {
  const keys = await mkdtemp(join(directory, 'wrong-'))
  const path = join(keys, 'master.key')
  await openKeyring(keys)
  await chmod(path, 0o640)
  await assert.rejects(openKeyring(keys), /chmod 600/)
  await chmod(path, 0o600)
  const key = await readFile(path)
  for (const content of [Buffer.alloc(0), key.subarray(1), Buffer.concat([key, key])]) {
    await writeFile(path, content)
    await assert.rejects(openKeyring(keys), /not 32 bytes long/)
  }
})
