import type { Context } from '#kernel/context.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import { callSession, demandForce, holderOf } from '../locate.ts'
import type { Control as ControlCall } from '../node/control.ts'
import type { BrowserRuntime } from '../runtime.ts'
import { type ChannelCommand, COMMANDS, STATE } from './commands.ts'
import { demand, type Given } from './credential.ts'
import * as messages from './messages.ts'
import { channelProblems } from './problems.ts'
import type { Watches } from './watches.ts'

/** What one message is answered with the help of. */
export interface Work {
  ctx: Context
  runtime: BrowserRuntime
  member: { watches: Watches; renew(given: Given): Promise<void> }
  /** Done once the answer is sent. */
  after: (() => void)[]
}

const HANDLERS: ReadonlyMap<string, (work: Work, message: unknown) => Promise<unknown>> = new Map(
  Object.entries({ command, state, control, watch, unwatch, authenticate }),
)

/** Whether there are messages of this name. */
export function knows(event: string): boolean {
  return HANDLERS.has(event)
}

/** Does what a message asks for. @throws a problem that says why not */
export async function answer(work: Work, event: string, message: unknown): Promise<unknown> {
  const handler = HANDLERS.get(event)
  if (!handler) {
    const detail = `The live channel takes no event ${JSON.stringify(event.slice(0, 50))}.`
    throw channelProblems.unknownEvent({ detail })
  }
  return handler(work, message)
}

async function command(work: Work, message: unknown): Promise<unknown> {
  demand(work.ctx.actor, 'sessions.write')
  const { sessionId, type, params = {} } = messages.read(messages.Command, message, 'message')
  const command = COMMANDS.get(type)
  if (!command) throw unknownType()
  return run(work, command, sessionId, messages.read(command.params, params, 'message.params'))
}

async function state(work: Work, message: unknown): Promise<unknown> {
  demand(work.ctx.actor, 'sessions.read')
  const { sessionId } = messages.read(messages.State, message, 'message')
  return run(work, STATE, sessionId, {})
}

async function control({ ctx, runtime }: Work, message: unknown): Promise<unknown> {
  const { sessionId, ...input } = messages.read(messages.Control, message, 'message')
  demand(ctx.actor, input.action === 'show' ? 'sessions.read' : 'sessions.write')
  if (input.action === 'request') demandForce(ctx, input)
  const options = { holder: holderOf(ctx.actor), signal: ctx.signal }
  return callSession(ctx, runtime, sessionId, 'control', input satisfies ControlCall, options)
}

async function watch({ ctx, member, after }: Work, message: unknown): Promise<unknown> {
  demand(ctx.actor, 'sessions.read')
  const wish = messages.read(messages.Watch, message, 'message')
  const watched = await member.watches.watch(ctx, wish)
  after.push(() => watched.release())
  const { sessionId, kinds } = wish
  return { sessionId, kinds, lastId: watched.lastId }
}

async function unwatch({ member }: Work, message: unknown): Promise<unknown> {
  const { sessionId } = messages.read(messages.Unwatch, message, 'message')
  await member.watches.unwatch(sessionId)
  return { sessionId }
}

async function authenticate({ member }: Work, message: unknown): Promise<unknown> {
  await member.renew(messages.read(messages.Authenticate, message, 'message'))
  return {}
}

/** Ends with `request.timeout` whatever has not answered long after its own deadline. */
async function run(
  { ctx, runtime }: Work,
  command: ChannelCommand,
  sessionId: string,
  params: unknown,
): Promise<unknown> {
  const timeoutMs = command.timeoutMs(params)
  const { promise: late, reject } = Promise.withResolvers<never>()
  const over = new AbortController()
  const timer = setTimeout(() => {
    const problem = httpProblems.timeout({ seconds: Math.round(timeoutMs / 1000) })
    over.abort(problem)
    reject(problem)
  }, timeoutMs)
  const signal = AbortSignal.any([ctx.signal, over.signal])
  try {
    const running = command.run(ctx.with({ signal }), runtime, sessionId, params)
    return await Promise.race([running, late])
  } finally {
    clearTimeout(timer)
  }
}

function unknownType() {
  const message = `must be one of ${[...COMMANDS.keys()].join(', ')}`
  return httpProblems.invalid({ errors: [{ path: 'message.type', message }] })
}
