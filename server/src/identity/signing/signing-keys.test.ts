import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { after, test } from 'node:test'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { makeKeyring, sha256 } from '#kernel/crypto.ts'
import { Kms, type KmsAlgorithm } from '#kernel/secrets/kms.ts'
import {
  ADDRESS,
  codeOf,
  openTestIdentity,
  PASSWORD,
  signIn,
  type TestIdentity,
} from '../test-support.ts'
import { keepSigningKeys, replaceSigningKeys, rotateSigningKeys } from './rotate.ts'
import { publicKeys, readKeys } from './store.ts'

const DAY_MS = 24 * 60 * 60 * 1000

const app = await openTestIdentity()
after(() => app[Symbol.asyncDispose]())

/** What the clock's job does, in this process. */
const tick = (of: TestIdentity) => keepSigningKeys(of.kernel.ctx, of.identity.signingKeys)
const statesOf = async (of: TestIdentity) =>
  (await readKeys(of.db)).map(({ state }) => state).toSorted()
const activeOf = (of: TestIdentity) => of.identity.signingKeys.signer.kid
const isLetIn = (of: TestIdentity, accessToken: string, by = of.identity) =>
  by.authenticate(`Bearer ${accessToken}`, ADDRESS.ipAddress!).then(
    ({ kind }) => kind === 'user',
    () => false,
  )

test('processes that start at once share one signing key, which only their sealing key opens', async () => {
  await using fresh = await openTestIdentity()
  const others = await Promise.all(Array.from({ length: 6 }, () => fresh.openAnother()))
  const kids = [fresh.identity, ...others].map(({ signingKeys }) => signingKeys.signer.kid)
  assert.equal(new Set(kids).size, 1)
  assert.equal((await publicKeys(fresh.db)).length, 1)
  const stranger = makeKeyring(sha256('another'))
  await assert.rejects(fresh.openAnother({ keyring: stranger }), {
    name: 'SealingKeyMissing',
    message: /put back `keys\/kek-[0-9a-f]{16}\.key` \(the first one is `keys\/master\.key`\)/,
  })
})

test('a key of 30 days is followed by one that was published for a day, and both count meanwhile', async () => {
  await using fresh = await openTestIdentity()
  const first = activeOf(fresh)
  await tick(fresh)
  assert.deepEqual(await statesOf(fresh), ['active'], 'it is new')
  fresh.clock.advance(29 * DAY_MS)
  await tick(fresh)
  assert.deepEqual(await statesOf(fresh), ['active', 'next'])
  assert.equal(activeOf(fresh), first)
  assert.equal((await publicKeys(fresh.db)).length, 2, 'published before it signs')
  fresh.clock.advance(DAY_MS - 60_000)
  await tick(fresh)
  assert.equal(activeOf(fresh), first, 'not a minute before')
  const { accessToken } = await fresh.join()
  fresh.clock.advance(60_000)
  await tick(fresh)
  assert.notEqual(activeOf(fresh), first)
  assert.deepEqual(await statesOf(fresh), ['active', 'retiring'])
  assert.ok(await isLetIn(fresh, accessToken), 'its tokens outlive it')
  const kept = await fresh.db
    .selectFrom('signingKeys')
    .selectAll()
    .where('kid', '=', first)
    .execute()
  assert.equal(kept[0]!.sealedPrivate, null, 'what signs no more has no private half')
  fresh.clock.advance(20 * 60_000)
  await tick(fresh)
  assert.deepEqual(await statesOf(fresh), ['active'])
  assert.deepEqual(
    (await publicKeys(fresh.db)).map(({ kid }) => kid),
    [activeOf(fresh)],
  )
  const kinds = await fresh.db.selectFrom('events').select('kind').orderBy('id').execute()
  const ours = kinds.map(({ kind }) => kind).filter((kind) => kind.startsWith('signing_key.'))
  assert.deepEqual(ours, ['signing_key.published', 'signing_key.retired', 'signing_key.activated'])
})

test('by hand the next key is published at once and signs in 24 hours; asked twice, there is one', async () => {
  await using fresh = await openTestIdentity()
  const other = await fresh.openAnother()
  const { ctx } = fresh.kernel
  await Promise.all([
    rotateSigningKeys(ctx, fresh.identity.signingKeys),
    rotateSigningKeys(ctx, other.signingKeys),
  ])
  assert.deepEqual(await statesOf(fresh), ['active', 'next'])
  const first = activeOf(fresh)
  fresh.clock.advance(DAY_MS)
  await Promise.all([tick(fresh), keepSigningKeys(ctx, other.signingKeys)])
  assert.notEqual(activeOf(fresh), first)
  assert.equal(other.signingKeys.signer.kid, activeOf(fresh))
})

test('a token of a key that another process made just now counts at once', async () => {
  await using fresh = await openTestIdentity()
  const other = await fresh.openAnother()
  await replaceSigningKeys(fresh.kernel.ctx, fresh.identity.signingKeys)
  const { accessToken } = await fresh.join()
  assert.ok(await isLetIn(fresh, accessToken, other))
})

test('T19: tokens of keys that nobody knows cause one query a second, whatever their number', async () => {
  await using fresh = await openTestIdentity()
  const { privateKey } = generateKeyPairSync('ed25519')
  const forged = (at: number) => {
    const kid = createHash('sha256').update(String(at)).digest('base64url')
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const signed = `${part({ alg: 'EdDSA', kid, typ: 'at+jwt' })}.${part({ sub: 'usr_1' })}`
    return `${signed}.${sign(null, Buffer.from(signed), privateKey).toString('base64url')}`
  }
  const keys = fresh.identity.signingKeys
  let looks = 0
  const refresh = keys.refresh.bind(keys)
  keys.refresh = () => (looks++, refresh())
  for (let at = 0; at < 50; at++) assert.ok(!(await isLetIn(fresh, forged(at))))
  assert.equal(looks, 1)
  fresh.clock.advance(1_000)
  await Promise.all(Array.from({ length: 50 }, (_, at) => isLetIn(fresh, forged(at))))
  assert.equal(looks, 2)
})

test('R18: in an emergency every access token is refused at once, in other processes within 5 seconds, and clients refresh', async () => {
  await using fresh = await openTestIdentity()
  const other = await fresh.openAnother()
  const { user, accessToken } = await fresh.join()
  assert.ok((await isLetIn(fresh, accessToken)) && (await isLetIn(fresh, accessToken, other)))
  const [before] = await publicKeys(fresh.db)
  await replaceSigningKeys(fresh.kernel.ctx, fresh.identity.signingKeys)
  assert.ok(!(await isLetIn(fresh, accessToken)))
  fresh.clock.advance(5_000)
  assert.ok(!(await isLetIn(fresh, accessToken, other)))
  const published = await publicKeys(fresh.db)
  assert.equal(published.length, 1)
  assert.notEqual(published[0]!['kid'], before!['kid'])
  const again = await signIn(
    fresh.tools,
    fresh.nobody,
    { email: user.email, password: PASSWORD },
    ADDRESS,
  )
  assert.ok(await isLetIn(fresh, again.accessToken))
  assert.ok(await isLetIn(fresh, again.accessToken, other))
})

test('what ends a sign-in in one process ends its tokens in every other within 5 seconds', async () => {
  const other = await app.openAnother()
  const { accessToken, user } = await app.join()
  assert.ok(await isLetIn(app, accessToken, other))
  await app.db.updateTable('users').set({ ver: 2 }).where('id', '=', user.id).execute()
  app.clock.advance(5_000)
  assert.ok(!(await isLetIn(app, accessToken, other)))
})

const publishedOf = async (of: TestIdentity) => (await publicKeys(of.db)) as never[]

/** KMS as far as it is asked: signs with the key that its alias leads to. */
class LocalKms extends Kms {
  pair: ReturnType<typeof generateKeyPairSync>
  arn = 'arn:aws:kms:eu-central-1:1:key/1'
  isAway = false
  readonly #algorithm: KmsAlgorithm

  constructor(algorithm: KmsAlgorithm) {
    super({})
    this.#algorithm = algorithm
    this.pair = this.make()
  }

  make() {
    return this.#algorithm === 'RS256'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : generateKeyPairSync('ec', { namedCurve: 'P-256' })
  }

  override async publicKey() {
    return { keyId: this.arn, key: this.pair.publicKey, algorithm: this.#algorithm }
  }

  override async sign(keyId: string, algorithm: KmsAlgorithm, content: Uint8Array) {
    if (this.isAway || keyId !== this.arn) throw new Error('TimeoutError')
    const key = this.pair.privateKey
    return algorithm === 'RS256'
      ? sign('sha256', content, key)
      : sign('sha256', content, { key, dsaEncoding: 'ieee-p1363' })
  }
}

for (const algorithm of ['RS256', 'ES256'] as const) {
  test(`a key of KMS signs ${algorithm}, and the published key verifies it elsewhere`, async () => {
    await using fresh = await openTestIdentity()
    const kms = new LocalKms(algorithm)
    const config = {
      ...{ PUBLIC_URL: 'https://gantry.example', HOST: '127.0.0.1', PORT: 8700 },
      ...{ TLS_CERT_FILE: undefined, SIGN_UP: 'open' as const, REFRESH_TOKEN_EXPIRY: '14d' },
      ...{ AUTH_ATTEMPTS: 10_000, UNAUTHENTICATED_REQUESTS: 1_000_000, TRUSTED_PROXIES: [] },
      ...{ VERIFIED_EMAIL: 'optional' as const, loopbackOnly: true },
      KMS_SIGNING_KEY_ID: 'alias/tokens',
    }
    const other = await fresh.openAnother({ kms, config })
    await keepSigningKeys(fresh.kernel.ctx, other.signingKeys)
    assert.deepEqual(await statesOf(fresh), ['active', 'next'], 'published a day before')
    fresh.clock.advance(DAY_MS)
    await keepSigningKeys(fresh.kernel.ctx, other.signingKeys)
    await keepSigningKeys(fresh.kernel.ctx, other.signingKeys)
    assert.equal(other.signingKeys.signer.algorithm, algorithm)
    const given = { sub: 'usr_1', sid: 'sgn_1', jti: 'j', ver: 1, amr: ['pwd'] }
    const iat = Math.floor(fresh.clock.now().getTime() / 1000)
    const token = await other.tools.tokens.issue({ ...given, iat, auth_time: iat })
    assert.equal(other.tools.tokens.verify(token, iat)?.sub, 'usr_1')
    const keys = createLocalJWKSet({ keys: await publishedOf(fresh) })
    const { payload } = await jwtVerify(token, keys, { currentDate: fresh.clock.now() })
    assert.equal(payload.sub, 'usr_1')
    const [, body, signature] = token.split('.')
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    for (const alg of ['EdDSA', 'none', 'HS256', algorithm === 'RS256' ? 'ES256' : 'RS256']) {
      const head = part({ alg, kid: other.signingKeys.signer.kid, typ: 'at+jwt' })
      assert.equal(other.tools.tokens.verify(`${head}.${body}.${signature}`, iat), undefined)
    }
    const replacing = replaceSigningKeys(fresh.kernel.ctx, other.signingKeys)
    assert.equal(await codeOf(replacing), 'signing.same_kms_key')
    Object.assign(kms, { pair: kms.make(), arn: 'arn:aws:kms:eu-central-1:1:key/2' })
    await replaceSigningKeys(fresh.kernel.ctx, other.signingKeys)
    assert.ok(await other.tools.tokens.issue({ ...given, iat, auth_time: iat }))
  })
}
