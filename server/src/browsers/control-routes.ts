import { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import { route } from '#kernel/http/route.ts'
import { ID } from './examples.ts'
import { callSession, demandForce, holderOf } from './locate.ts'
import type { Control } from './node/control.ts'
import { problems } from './problems.ts'
import type { BrowserRuntime } from './runtime.ts'
import { SessionId } from './schema.ts'

const params = z.object({ id: SessionId })

const Holder = z
  .object({
    kind: z.enum(['person', 'program']),
    id: z.string().meta({ description: 'A user, an API key, or one connection' }),
    name: z.string().optional(),
  })
  .meta({ id: 'Holder', description: 'Who has control of a session, or wants it' })

const RequestControl = z
  .strictObject({
    seconds: z.int().min(1).max(3600).default(300).meta({ description: 'For how long' }),
    reason: z.string().max(500).optional().meta({ description: 'Shown to whoever has it now' }),
    force: z.boolean().optional().meta({
      description: 'Takes it from whoever has it; for those who may administer the account',
    }),
  })
  .meta({ id: 'RequestControl' })

const ControlState = z
  .object({
    outcome: z
      .enum(['granted', 'waiting', 'returned', 'withdrawn'])
      .optional()
      .meta({ description: 'What came of the call' }),
    holder: Holder.optional().meta({ description: 'Absent while everybody may drive' }),
    grantedAt: z.iso.datetime().optional(),
    expiresAt: z.iso.datetime().optional(),
    requests: z.array(z.looseObject({ holder: Holder })).meta({ description: 'Who waits for it' }),
  })
  .meta({ id: 'ControlState' })

const exampleHolder = { kind: 'person', id: 'usr_06ax8m3k7v9q2t5w8z1b4d6f8h' } as const
const held = { holder: exampleHolder, requests: [] }

const ask = (ctx: Context, runtime: BrowserRuntime, id: string, input: Control) =>
  callSession(ctx, runtime, id, 'control', input, { holder: holderOf(ctx.actor) }) as Promise<
    z.input<typeof ControlState>
  >

/** The control lease of a session: who alone may drive it. */
export function controlRoutes(runtime: () => BrowserRuntime) {
  const about = { params, returns: ControlState }
  const refusals = [problems.notFound, problems.closed, problems.notReady, problems.crashed]
  return [
    route({
      ...about,
      method: 'GET',
      path: '/v1/sessions/:id/control',
      summary: 'Show who has control of a session',
      access: 'sessions.read',
      problems: refusals,
      examples: { params: { id: ID }, reply: held },
      handler: (ctx, { params }) => ask(ctx, runtime(), params.id, { action: 'show' }),
    }),
    route({
      ...about,
      method: 'POST',
      path: '/v1/sessions/:id/control',
      summary: 'Ask for control of a session',
      description:
        'While somebody has control, only they can drive the pages, by commands, CDP and the live view alike. ' +
        'It is granted at once when nobody has it, otherwise in turn; it ends by itself after `seconds`.',
      access: 'sessions.write',
      body: RequestControl,
      bodyOptional: true,
      problems: [
        ...refusals,
        ...[problems.controlQueueFull, problems.mayNotForce, problems.tunnelsPrivate],
      ],
      examples: {
        params: { id: ID },
        body: { seconds: 300, reason: 'to enter the second factor' },
        reply: { outcome: 'granted', ...held },
      },
      handler: (ctx, { params, body }) => {
        demandForce(ctx, body)
        return ask(ctx, runtime(), params.id, { action: 'request', ...body })
      },
    }),
    route({
      ...about,
      method: 'DELETE',
      path: '/v1/sessions/:id/control',
      summary: 'Return control of a session, or stop waiting for it',
      access: 'sessions.write',
      problems: [...refusals, problems.notInControl, problems.tunnelsPrivate],
      examples: { params: { id: ID }, reply: { outcome: 'returned', requests: [] } },
      handler: (ctx, { params }) => ask(ctx, runtime(), params.id, { action: 'return' }),
    }),
  ]
}
