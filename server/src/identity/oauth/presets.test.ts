import assert from 'node:assert/strict'
import { after, beforeEach, test } from 'node:test'
import type { CustomFetch } from 'openid-client'
import { systemClock } from '#kernel/clock.ts'
import { Problem } from '#kernel/problem.ts'
import { OpenIdProvider } from './openid-provider.ts'
import { google, GOOGLE_MANNERS, microsoft, MICROSOFT_MANNERS } from './presets.ts'
import type { Proof, Visit } from './provider.ts'
import { TestForger } from './test-forger.ts'
import { CLIENT } from './test-openid.ts'

const forger = await TestForger.open()
after(() => forger[Symbol.asyncDispose]())
beforeEach(() => forger.reset())

const MICROSOFT = 'https://login.microsoftonline.com'
const OURS = '11111111-2222-3333-4444-555555555555'
const ANOTHER = '99999999-2222-3333-4444-555555555555'
const visit: Visit = {
  redirectUri: 'https://gantry.example/api/v1/auth/oauth/microsoft/callback',
  ...{ state: 'state', nonce: 'nonce', verifier: 'v'.repeat(43), afresh: false },
}

/** Leads calls to a well-known host to the server of the test instead. */
function detour(hosts: string[]): CustomFetch {
  return (address, options) => {
    const url = new URL(address)
    assert.ok(hosts.includes(url.host), `nobody else is asked: ${url.host}`)
    const path = url.pathname.endsWith('/openid-configuration')
      ? '/.well-known/openid-configuration'
      : `/${url.pathname.split('/').at(-1)}`
    return fetch(forger.issuer + path, options as RequestInit)
  }
}

function microsoftFor(tenant: string): OpenIdProvider {
  const base = `${MICROSOFT}/${tenant}`
  const shared = ['common', 'organizations'].includes(tenant)
  forger.metadata = {
    issuer: shared ? `${MICROSOFT}/{tenantid}/v2.0` : `${base}/v2.0`,
    authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
    ...{ token_endpoint: `${base}/oauth2/v2.0/token`, jwks_uri: `${base}/discovery/v2.0/jwks` },
    authorization_response_iss_parameter_supported: false,
  }
  return new OpenIdProvider(microsoft(CLIENT, tenant), {
    ...{ fetch: detour(['login.microsoftonline.com']), clock: systemClock },
    manners: MICROSOFT_MANNERS,
  })
}

/** Goes there and comes back with these claims. */
async function comeFrom(provider: OpenIdProvider, claims: object): Promise<Proof | string> {
  forger.claims = { ...claims }
  const there = await provider.authorizationUrl(visit)
  const back = await fetch(`${forger.issuer}/authorize${there.search}`, { redirect: 'manual' })
  const answer = new URL(back.headers.get('location')!)
  answer.searchParams.delete('iss')
  return provider.identify(answer, visit).catch((error: unknown) => {
    if (error instanceof Problem) return error.code
    throw error
  })
}

const from = (tid: string, more: object = {}) => ({
  ...{ tid, iss: `${MICROSOFT}/${tid}/v2.0`, sub: 'ann', email: 'ann@example.test' },
  ...more,
})

test('T59: an address from Microsoft counts as proven only when its domain is the directory’s', async () => {
  const provider = microsoftFor('common')
  for (const claims of [{}, { email_verified: true }, { xms_edov: false }, { xms_edov: 'yes' }]) {
    const proof = (await comeFrom(provider, from(OURS, claims))) as Proof
    assert.deepEqual([proof.email, proof.emailVerified], ['ann@example.test', false])
  }
  for (const xms_edov of [true, '1', 1]) {
    const proof = (await comeFrom(provider, from(OURS, { xms_edov }))) as Proof
    assert.equal(proof.emailVerified, true)
  }
})

test('T59: the same subject of two directories is two identities, and each token names its own directory', async () => {
  const provider = microsoftFor('common')
  const proofs = [await comeFrom(provider, from(OURS)), await comeFrom(provider, from(ANOTHER))]
  const issuers = proofs.map((proof) => (proof as Proof).issuer)
  assert.deepEqual(issuers, [`${MICROSOFT}/${OURS}/v2.0`, `${MICROSOFT}/${ANOTHER}/v2.0`])

  const wrong = [
    { ...from(OURS), tid: ANOTHER },
    { ...from(OURS), tid: undefined },
    { ...from(OURS), tid: 'x', iss: `${MICROSOFT}/x/v2.0` },
    { ...from(OURS), iss: `https://evil.example/${OURS}/v2.0` },
  ]
  for (const claims of wrong) {
    assert.equal(await comeFrom(provider, claims), 'oauth.answer_refused', JSON.stringify(claims))
  }
})

test('T59: where one directory is configured, nobody comes from another one', async () => {
  const provider = microsoftFor(OURS)
  assert.equal(((await comeFrom(provider, from(OURS))) as Proof).subject, 'ann')
  assert.equal(await comeFrom(provider, from(ANOTHER)), 'oauth.answer_refused')
})

test('Google is asked at its own addresses', async () => {
  const issuer = 'https://accounts.google.com'
  forger.metadata = {
    ...{ issuer, authorization_endpoint: `${issuer}/o/oauth2/v2/auth` },
    token_endpoint: 'https://oauth2.googleapis.com/token',
    jwks_uri: 'https://www.googleapis.com/oauth2/v3/jwks',
    authorization_response_iss_parameter_supported: false,
  }
  const hosts = ['accounts.google.com', 'oauth2.googleapis.com', 'www.googleapis.com']
  const provider = new OpenIdProvider(google(CLIENT), {
    ...{ fetch: detour(hosts), clock: systemClock, manners: GOOGLE_MANNERS },
  })
  const claims = { iss: issuer, sub: '1', email: 'ann@example.test', email_verified: true }
  assert.deepEqual(await comeFrom(provider, claims), {
    ...{ issuer, subject: '1', email: 'ann@example.test', emailVerified: true },
  })
})
