import { z } from 'zod'
import { PageQuery } from '#kernel/http/cursor.ts'
import { route } from '#kernel/http/route.ts'
import { listDevices, signOutAll, signOutDevice } from './devices.ts'
import { exampleDevice } from './examples.ts'
import { problems } from './problems.ts'
import { DeviceList, SignInRecordPage } from './schema.ts'
import { listSignIns, presentRecord } from './sign-in-records.ts'
import type { Tools } from './tools.ts'

const OWN = { signedIn: 'everybody sees and signs out their own devices' }

/** Where a person is signed in, and who has tried to be them. */
export function deviceRoutes(tools: () => Tools) {
  return [
    route({
      method: 'GET',
      path: '/v1/users/me/devices',
      summary: 'List the devices that you are signed in on',
      description: 'The one used last comes first; there are 20 at most.',
      access: OWN,
      returns: DeviceList,
      examples: { reply: { items: [exampleDevice] } },
      handler: async (ctx) => ({ items: await listDevices(ctx) }),
    }),
    route({
      method: 'DELETE',
      path: '/v1/users/me/devices',
      summary: 'Sign out all your devices but this one',
      description: 'Their tokens count nowhere any more after 5 seconds.',
      access: OWN,
      status: 204,
      handler: (ctx) => signOutAll(tools(), ctx, { staying: true }),
    }),
    route({
      method: 'DELETE',
      path: '/v1/users/me/devices/:id',
      summary: 'Sign out one of your devices',
      description: 'Its tokens count nowhere any more after 5 seconds.',
      access: OWN,
      params: z.strictObject({ id: z.string().max(64) }),
      status: 204,
      problems: [problems.deviceNotFound],
      examples: { params: { id: exampleDevice.id } },
      handler: (ctx, { params }) => signOutDevice(tools(), ctx, params.id),
    }),
    route({
      method: 'GET',
      path: '/v1/users/me/sign-ins',
      summary: 'List who has signed in or tried to as you, newest first',
      description: 'Each attempt of the last 90 days, with where it came from and how it ended.',
      access: OWN,
      query: PageQuery,
      returns: SignInRecordPage,
      examples: {
        query: { limit: 20 },
        reply: {
          items: [
            {
              id: 'sir_06bmza0c8dr7z3k1p5q9v2x4td',
              at: exampleDevice.createdAt,
              result: 'signed_in',
              ipAddress: exampleDevice.ipAddress,
              userAgent: exampleDevice.userAgent,
            },
          ],
          nextCursor: null,
        },
      },
      handler: async (ctx, { query }) => {
        const { rows, nextCursor } = await listSignIns(ctx, query)
        return { items: rows.map(presentRecord), nextCursor }
      },
    }),
  ]
}
