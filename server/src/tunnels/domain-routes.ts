import { z } from 'zod'
import { type AnyRoute, Reply, route } from '#kernel/http/route.ts'
import { ClaimDomain, TunnelDomain } from './domain-schema.ts'
import { claimDomain, listDomains, removeDomain } from './domains.ts'
import { DOMAIN_ID, domainExample, ID } from './examples.ts'
import type { Running } from './parts.ts'
import { problems } from './problems.ts'
import { verifyDomain } from './proof.ts'
import { TunnelParams } from './schema.ts'

const path = '/v1/tunnels/:id/domains'
const params = TunnelParams.extend({ domainId: z.string().max(64) })
const example = { id: ID, domainId: DOMAIN_ID }

/** Domains of one's own that lead to a tunnel. */
export function domainRoutes(running: Running): AnyRoute[] {
  return [
    route({
      ...{ method: 'GET', path, access: 'tunnels.read', params: TunnelParams },
      summary: 'List the domains of a tunnel',
      returns: z.strictObject({ items: z.array(TunnelDomain) }),
      problems: [problems.notFound],
      examples: { params: { id: ID }, reply: { items: [domainExample] } },
      handler: async (ctx, { params }) => ({ items: await listDomains(ctx, params.id) }),
    }),
    route({
      ...{ method: 'POST', path, access: 'tunnels.write', params: TunnelParams, status: 201 },
      summary: 'Claim a domain for a tunnel',
      description:
        'Add the TXT record of the answer to its DNS, then verify. A claim that is not proven is forgotten after a week.',
      body: ClaimDomain,
      returns: TunnelDomain,
      problems: [
        ...[problems.notFound, problems.domainRefused],
        ...[problems.domainClaimed, problems.tooManyDomains],
        problems.domainLimitReached,
      ],
      examples: {
        params: { id: ID },
        body: { hostname: 'shop.example.com' },
        reply: domainExample,
      },
      handler: async (ctx, { params, body }) =>
        Reply.json(await claimDomain(ctx, running(), params.id, body), { status: 201 }),
    }),
    route({
      ...{ method: 'POST', path: `${path}/:domainId/verify`, access: 'tunnels.write', params },
      summary: 'Look for the proof of a domain now',
      description: 'Once it is found the domain leads to the tunnel at once.',
      returns: TunnelDomain,
      problems: [
        ...[problems.notFound, problems.domainNotFound],
        ...[problems.domainUnproven, problems.domainTaken],
      ],
      examples: {
        params: example,
        reply: { ...domainExample, status: 'verified', verifiedAt: domainExample.createdAt },
      },
      handler: (ctx, { params }) => verifyDomain(ctx, running(), params.id, params.domainId),
    }),
    route({
      ...{ method: 'DELETE', path: `${path}/:domainId`, access: 'tunnels.write', params },
      summary: 'Take a domain from a tunnel',
      problems: [problems.notFound, problems.domainNotFound],
      examples: { params: example },
      handler: (ctx, { params }) => removeDomain(ctx, running(), params.id, params.domainId),
    }),
  ]
}
