import { type AnyRoute, Reply, route } from '#kernel/http/route.ts'
import { ID } from './examples.ts'
import type { Running } from './parts.ts'
import { problems } from './problems.ts'
import { TunnelParams } from './schema.ts'
import { BeginVisit, Visit } from './visit-schema.ts'
import { visitTunnel } from './visits.ts'

const example = {
  to: 'https://shop.tunnels.example.com/orders',
  state: '47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU',
}

/** For visitors of tunnels that ask who they are. */
export function visitRoutes(running: Running): AnyRoute[] {
  const params = TunnelParams
  return [
    route({
      ...{ method: 'GET', path: '/v1/tunnels/:id/visit', params },
      summary: 'Sign in to visit a tunnel',
      description:
        'Relays send browsers here. It leads to the console, which asks who it is and goes on to the tunnel.',
      access: { public: 'where visitors of tunnels begin to sign in' },
      query: BeginVisit,
      status: 303,
      examples: { params: { id: ID }, query: example },
      handler: (_ctx, { params, query }) => {
        // Cookies of the console come with nothing that another site began, so the console has to ask.
        const asked = Buffer.from(JSON.stringify({ id: params.id, ...query })).toString('base64url')
        return Reply.redirect(`/#visit=${asked}`, 303)
      },
    }),
    route({
      ...{ method: 'POST', path: '/v1/tunnels/:id/visits', params },
      summary: 'Get the way into a tunnel that was shared with me',
      access: { signedIn: 'people visit what was shared with them, whatever account they are in' },
      body: BeginVisit,
      returns: Visit,
      problems: [problems.notShared, problems.visitElsewhere],
      examples: {
        ...{ params: { id: ID }, body: example },
        reply: { url: 'https://shop.tunnels.example.com/.gantry/visit?ticket=eyJ…&to=%2Forders' },
      },
      handler: (ctx, { params, body }) => visitTunnel(ctx, running(), params.id, body),
    }),
  ]
}
