import { route } from '#kernel/http/route.ts'
import { clientOf } from '../client.ts'
import { exampleLinkToken } from '../examples.ts'
import { problems } from '../problems.ts'
import type { Tools } from '../tools.ts'
import { browserHashOf } from './browser-cookie.ts'
import { linkIdentity, listIdentities, unlinkIdentity } from './link.ts'
import { oauthProblems } from './problems.ts'
import { IdentityParams, LinkedIdentity, LinkedIdentityList, UseVisitCode } from './schema.ts'

const OWN = { signedIn: 'everybody chooses how they sign in' }
const example = {
  ...{ id: 'lid_06bmza0c8dr7z3k1p5q9v2x4td', provider: 'acme', providerName: 'Acme' },
  ...{ email: 'ann@acme.example', createdAt: '2026-11-20T12:00:00.000Z' },
}

/** The identities at providers that a person signs in with. */
export function identityRoutes(tools: () => Tools) {
  return [
    route({
      method: 'GET',
      path: '/v1/users/me/identities',
      summary: 'List the identities at providers that you sign in with',
      access: OWN,
      returns: LinkedIdentityList,
      examples: { reply: { items: [example] } },
      handler: async (ctx) => ({ items: await listIdentities(tools(), ctx) }),
    }),
    route({
      method: 'POST',
      path: '/v1/users/me/identities',
      summary: 'Link an identity, with the code that followed the visit to a provider',
      description: '`POST /v1/auth/oauth/{provider}/link` begins the visit.',
      access: OWN,
      body: UseVisitCode,
      returns: LinkedIdentity,
      status: 201,
      problems: [
        ...[problems.stepUpRequired, oauthProblems.codeInvalid, oauthProblems.linkedElsewhere],
        ...[oauthProblems.tooManyIdentities, problems.httpsRequired],
      ],
      examples: { body: { code: exampleLinkToken }, reply: example },
      handler: (ctx, { body: { code }, request }) => {
        clientOf(request)
        return linkIdentity(tools(), ctx, { code, browserHash: browserHashOf(request) })
      },
    }),
    route({
      method: 'DELETE',
      path: '/v1/users/me/identities/:id',
      summary: 'Unlink an identity',
      description:
        'Refused when you could not sign in without it. Other devices that came in by a provider are signed out.',
      access: OWN,
      params: IdentityParams,
      status: 204,
      problems: [problems.stepUpRequired, oauthProblems.identityNotFound, oauthProblems.lastWayIn],
      examples: { params: { id: example.id } },
      handler: (ctx, { params }) => unlinkIdentity(tools(), ctx, params.id),
    }),
  ]
}
