import assert from 'node:assert/strict'
import { createPublicKey, verify } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { CreateAliasCommand, CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { headerOf, openJws, readJwk, signJws } from '../src/kernel/jws.ts'
import { Kms } from '../src/kernel/secrets/kms.ts'
import { activateNext, addKey } from '../src/kernel/secrets/rotate.ts'
import { resealColumn } from '../src/kernel/secrets/reseal.ts'
import { rootColumn, SealingKeys } from '../src/kernel/secrets/sealing-keys.ts'
import { openTestKernel } from '../src/kernel/test-kernel.ts'
import { cloneDatabase } from '../src/test/database.ts'
import { globalSetup, globalTeardown } from '../src/test/global-setup.ts'
import { findMoto, MotoServer } from './moto.ts'

const found = await findMoto()
const skip = 'missing' in found && found.missing
const stack = new AsyncDisposableStack()
after(() => stack.disposeAsync())

if (!skip) {
  await globalSetup()
  stack.defer(globalTeardown)
}

const region = 'eu-central-1'
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' }
const moto = 'program' in found ? stack.use(await MotoServer.start(found.program)) : undefined
const options = { region, credentials, endpoint: moto?.url ?? '' }
const client = new KMSClient(options)
stack.defer(() => client.destroy())
const kms = stack.use(new Kms(options))

async function makeKey(spec: 'SYMMETRIC_DEFAULT' | 'RSA_2048' | 'ECC_NIST_P256' | 'ECC_NIST_P384') {
  const KeyUsage = spec === 'SYMMETRIC_DEFAULT' ? 'ENCRYPT_DECRYPT' : 'SIGN_VERIFY'
  const { KeyMetadata } = await client.send(new CreateKeyCommand({ KeySpec: spec, KeyUsage }))
  return KeyMetadata!
}

test(
  'sealing keys that KMS wraps open in every process, and are in no file',
  { skip },
  async () => {
    const database = stack.use(await cloneDatabase())
    const directory = await mkdtemp(join(tmpdir(), 'gantry-keys-'))
    stack.defer(() => rm(directory, { recursive: true }))
    const kernel = stack.use(await openTestKernel({ address: database.address }))
    const { KeyId: kmsKeyId } = await makeKey('SYMMETRIC_DEFAULT')
    const open = async (by = kms) =>
      stack.use(
        await SealingKeys.open({
          ...{ db: kernel.db, clock: kernel.ctx.clock, log: kernel.log },
          ...{ directory, kms: by, kmsKeyId: kmsKeyId! },
        }),
      )
    const [one, two] = await Promise.all([open(), open()])
    assert.equal(one.activeId, two.activeId)
    const sealed = one.keyring.seal('test', ['a', '1'], Buffer.from('secret'))
    assert.equal(two.keyring.open('test', ['a', '1'], sealed).toString(), 'secret')
    assert.deepEqual(one.keyring.derive('cursors'), two.keyring.derive('cursors'))
    assert.deepEqual(await readdir(directory), [])

    const former = one.activeId
    await addKey(kernel.ctx, one)
    await two.refresh()
    await activateNext(kernel.ctx, 0)
    await one.refresh()
    assert.notEqual(one.activeId, former)
    const fresh = one.keyring.reseal('test', ['a', '1'], sealed)
    assert.equal(two.keyring.open('test', ['a', '1'], fresh).toString(), 'secret')
    const { resealed } = await resealColumn(kernel.ctx, one, rootColumn, async () => {})
    assert.equal(resealed, 1)
    using away = new Kms({ ...options, endpoint: 'http://127.0.0.1:1', deadlineMs: 2_000 })
    await assert.rejects(open(away), { name: 'KmsFailure', message: /did not open a sealing key/ })
  },
)

test('what one KMS key wrapped opens under no other use', { skip }, async () => {
  const { KeyId: keyId } = await makeKey('SYMMETRIC_DEFAULT')
  const { bytes, wrapped } = await kms.makeKey(keyId!)
  assert.deepEqual(await kms.openKey(keyId!, wrapped), bytes)
  const bent = Buffer.from(wrapped)
  bent[bent.length - 1]! ^= 1
  await assert.rejects(kms.openKey(keyId!, bent), { name: 'KmsFailure' })
  await assert.rejects(kms.openKey('alias/none', wrapped), { name: 'KmsFailure' })
})

for (const [spec, algorithm] of [
  ['RSA_2048', 'RS256'],
  ['ECC_NIST_P256', 'ES256'],
] as const) {
  test(
    `an alias that leads to a key of ${spec} signs tokens with ${algorithm}`,
    { skip },
    async () => {
      const { KeyId, Arn } = await makeKey(spec)
      const alias = `alias/tokens-${algorithm}`
      await client.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: KeyId! }))
      const shown = await kms.publicKey(alias)
      // AWS answers with the ARN, the emulator with the id.
      assert.equal(shown.algorithm, algorithm)
      assert.ok([KeyId, Arn].includes(shown.keyId))
      const content = Buffer.from('what is signed')
      // A number of ECDSA is at times shorter than its place.
      for (let round = 0; round < 20; round++) {
        const signature = await kms.sign(alias, algorithm, content)
        const key = createPublicKey(shown.key.export({ format: 'pem', type: 'spki' }))
        assert.ok(verify('sha256', content, { key, dsaEncoding: 'ieee-p1363' }, signature))
      }

      const signer = {
        ...{ kid: 'k1', algorithm },
        sign: (text: Buffer) => kms.sign(alias, algorithm, text),
      }
      const token = await signJws(signer, 'at+jwt', '{"sub":"usr_1"}')
      const jwk = { ...shown.key.export({ format: 'jwk' }), kid: 'k1', alg: algorithm }
      const opened = openJws(new Map([[headerOf(algorithm, 'k1', 'at+jwt'), readJwk(jwk)]]), token)
      assert.equal(opened, '{"sub":"usr_1"}')
      const { protectedHeader } = await jwtVerify(
        token,
        createLocalJWKSet({ keys: [jwk as never] }),
      )
      assert.equal(protectedHeader.alg, algorithm)
    },
  )
}

test('a signing key of another kind is refused with the reason', { skip }, async () => {
  const { KeyId } = await makeKey('ECC_NIST_P384')
  await assert.rejects(kms.publicKey(KeyId!), /must be of RSA or ECC_NIST_P256/)
})
