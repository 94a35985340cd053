import assert from 'node:assert/strict'
import {
  createHmac,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { createLocalJWKSet, jwtVerify } from 'jose'
import { ed25519Signer, headerOf } from '#kernel/jws.ts'
import { AccessTokens, type Claims } from './access-tokens.ts'
import { publicKeys } from './signing/store.ts'
import { openTestIdentity } from './test-support.ts'

const app = await openTestIdentity()
after(() => app[Symbol.asyncDispose]())

const ISSUER = 'https://gantry.example'
/** The installation's own keys, but for one more whose private half we know. */
const pair = generateKeyPairSync('ed25519')
const kid = 'test'.padEnd(43, '-')
const key = { algorithm: 'EdDSA', key: pair.publicKey } as const
const tokens = new AccessTokens(ISSUER, {
  signer: ed25519Signer(kid, pair.privateKey),
  trusted: new Map([[headerOf('EdDSA', kid, 'at+jwt'), key]]),
  lookAgain: async () => {},
})
const now = Math.floor(app.clock.now().getTime() / 1000)

const claims: Claims = {
  ...{ iss: ISSUER, aud: `${ISSUER}/api`, sub: 'usr_1', sid: 'sgn_1', jti: 'j' },
  ...{ iat: now, nbf: now, exp: now + 600, ver: 1, auth_time: now, amr: ['pwd'] },
}
const header = { alg: 'EdDSA', kid, typ: 'at+jwt' }

function encode(part: unknown): string {
  const text = typeof part === 'string' ? part : JSON.stringify(part)
  return Buffer.from(text).toString('base64url')
}

/** A token with any header and payload, signed by our own key or by another. */
function forge(head: unknown, payload: unknown, key: KeyObject = pair.privateKey): string {
  const signed = `${encode(head)}.${encode(payload)}`
  return `${signed}.${sign(null, Buffer.from(signed), key).toString('base64url')}`
}

function accepts(token: string, at = now): boolean {
  return tokens.verify(token, at) !== undefined
}

test('a token that we would have issued is accepted, so the refusals below are for their own reasons', () => {
  assert.ok(accepts(forge(header, claims)))
})

test('what is issued comes back from verification, and with a standard library and the published keys', async () => {
  const own = app.tools.tokens
  const token = await own.issue({ ...claims, sub: 'usr_2' })
  assert.deepEqual(own.verify(token, now), { ...claims, sub: 'usr_2' })
  const published = (await publicKeys(app.db)) as never[]
  const { payload, protectedHeader } = await jwtVerify(
    token,
    createLocalJWKSet({ keys: published }),
    { issuer: ISSUER, audience: `${ISSUER}/api`, typ: 'at+jwt', currentDate: app.clock.now() },
  )
  assert.equal(payload.sub, 'usr_2')
  assert.deepEqual(protectedHeader, { ...header, kid: published[0]!['kid'] })
})

test('published keys hold no private half', async () => {
  const text = JSON.stringify(await publicKeys(app.db))
  assert.match(text, /"kid":"[\w-]{43}"/)
  assert.ok(!/"d":/.test(text))
})

test('P24: JWT round trip: every set of claims comes back unchanged', async () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 40 })
  const some = fc.record(
    {
      ...{ sub: text, sid: text, jti: text, amr: fc.array(text, { maxLength: 3 }) },
      ...{ ver: fc.nat(), auth_time: fc.nat(), iat: fc.integer({ min: now - 500, max: now }) },
    },
    { noNullPrototype: true },
  )
  await fc.assert(
    fc.asyncProperty(some, async (given) => {
      const {
        iss: _,
        aud: __,
        nbf: ___,
        exp: ____,
        ...back
      } = tokens.verify(await tokens.issue(given), now)!
      assert.deepEqual(back, given)
    }),
  )
})

test('T19: another algorithm, key or extension in the header is refused', () => {
  const pem = pair.publicKey.export({ format: 'pem', type: 'spki' }) as string
  const heads: unknown[] = [
    ...['none', 'None', 'nOnE', 'HS256', 'RS256', 'ES256', 'Ed25519', '', null].map((alg) => ({
      ...header,
      alg,
    })),
    { alg: 'EdDSA', typ: 'at+jwt' },
    ...['../../x', "x' or '1'='1", '', 'a'.repeat(43), 7, null].map((id) => ({
      ...header,
      kid: id,
    })),
    ...['JWT', 'rt+jwt', 'at+JWT', undefined].map((typ) => ({ ...header, typ })),
    ...['jku', 'x5u'].map((name) => ({ ...header, [name]: 'https://evil.example/keys' })),
    { ...header, jwk: pair.publicKey.export({ format: 'jwk' }) },
    { ...header, x5c: [pem] },
    { ...header, crit: ['x'], x: 1 },
    { ...header, b64: false, crit: ['b64'] },
    { ...header, zip: 'DEF' },
    `{"alg":"EdDSA","alg":"EdDSA","kid":"${kid}","typ":"at+jwt"}`,
    '{}',
    'null',
    '[]',
    '',
  ]
  for (const head of heads) assert.ok(!accepts(forge(head, claims)), JSON.stringify(head))
})

test('T19: a MAC made with our public key is no signature', () => {
  const key = pair.publicKey
  const pem = key.export({ format: 'pem', type: 'spki' }) as string
  const der = key.export({ format: 'der', type: 'spki' })
  for (const secret of [pem, ` ${pem}`, `\n${pem}`, pem.trim(), der]) {
    for (const head of [{ ...header, alg: 'HS256' }, header]) {
      const signed = `${encode(head)}.${encode(claims)}`
      const mac = createHmac('sha256', secret).update(signed).digest('base64url')
      assert.ok(!accepts(`${signed}.${mac}`))
    }
  }
})

test('a stranger\u2019s key signs nothing for us, under our key id or another', () => {
  const stranger = createPrivateKey(
    generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }),
  )
  assert.ok(!accepts(forge(header, claims, stranger)))
  assert.ok(!accepts(forge({ ...header, kid: 'stranger' }, claims, stranger)))
})

test('T19: missing, empty, cut, grown and misspelled signatures are refused', () => {
  const token = forge(header, claims)
  const [head = '', payload = '', signature = ''] = token.split('.')
  const broken = [
    ...['', '.', '..', '...', head, `${head}.${payload}`, `${head}.${payload}.`],
    ...[`${token}.`, `.${token}`, `${token}.${signature}`, token.slice(0, -1), `${token}A`],
    ...[`${token}=`, `${token}\n`, ` ${token}`, `${head}..${signature}`],
    `${head}.${payload}.${signature.slice(0, 10)} ${signature.slice(10)}`,
    `${head}.${payload}=.${signature}`,
  ]
  for (const text of broken) assert.ok(!accepts(text), JSON.stringify(text))
})

test('no token with one character changed is accepted', () => {
  const token = forge(header, claims)
  for (let place = 0; place < token.length; place++) {
    for (const other of token[place] === 'A' ? 'B.' : 'A') {
      const bent = token.slice(0, place) + other + token.slice(place + 1)
      assert.ok(!accepts(bent), `character ${place}`)
    }
  }
})

test('T20: claims of another time, issuer, audience or kind are refused', () => {
  const wrong: Partial<Record<keyof Claims, unknown>>[] = [
    { exp: now - 31 },
    { nbf: now + 31 },
    { iat: now + 31, nbf: now + 31, exp: now + 631 },
    { exp: now + 10 * 365 * 24 * 3600 },
    { exp: now + 901 },
    { exp: String(now + 600) },
    { exp: Number.MAX_VALUE },
    { exp: undefined },
    { iss: [ISSUER] },
    { iss: `${ISSUER}.evil.example` },
    { iss: 'https://gantry' },
    { iss: undefined },
    { aud: ['https://other.example'] },
    { aud: [`${ISSUER}/api`] },
    { aud: ISSUER },
    { aud: undefined },
    { sub: undefined },
    { sub: 7 },
    { sid: null },
    { jti: undefined },
    { ver: '1' },
    { ver: 1.5 },
  ]
  for (const change of wrong) {
    assert.ok(!accepts(forge(header, { ...claims, ...change })), JSON.stringify(change))
  }
})

test('clocks may differ by 30 seconds', () => {
  const token = forge(header, claims)
  assert.ok(accepts(token, now - 30) && accepts(token, now + 629))
  assert.ok(!accepts(token, now - 31) && !accepts(token, now + 630))
})

test('T20: a payload that names a member twice, or is no object, is refused though we signed it', () => {
  const twice = JSON.stringify(claims).replace('{', '{"sub":"usr_admin",')
  const spaced = JSON.stringify(claims).replace('{', '{ ')
  for (const payload of [twice, spaced, 'null', '[]', '7', '"x"', '{', '']) {
    assert.ok(!accepts(forge(header, payload)), payload)
  }
})

test('T20: 100 KB are refused at once', () => {
  const before = process.cpuUsage()
  assert.ok(!accepts(forge(header, { ...claims, sub: 'x'.repeat(100_000) })))
  assert.ok(!accepts('a.'.repeat(50_000)))
  assert.ok(process.cpuUsage(before).user < 500_000)
})

test('random text is never a token', () => {
  const [head = '', payload = ''] = forge(header, claims).split('.')
  const parts = fc.array(fc.oneof(fc.string(), fc.constantFrom(head, payload, '')), {
    maxLength: 4,
  })
  fc.assert(fc.property(parts, (texts) => assert.ok(!accepts(texts.join('.')))))
})
