import type { Context } from '#kernel/context.ts'
import type { Answer, Person, TestApp } from '#test/app.ts'
import { closeLink, openLink, type OpenedTunnelLink } from './links.ts'
import type { TunnelParts } from './parts.ts'

/** What the tunnels of a test's product work with. */
export function partsOf({ app }: TestApp): TunnelParts {
  return app.tunnelParts
}

/** The id of a relay that has a row and nothing else. */
export async function addRelay(app: TestApp): Promise<string> {
  const ctx = app.app.systemContext()
  const id = ctx.newId('rly')
  const now = ctx.clock.now()
  await ctx.db
    .insertInto('relays')
    .values({
      ...{ id, name: id, provider: 'joined', status: 'running', statusSince: now },
      ...{ config: '{}', facts: '{}', createdAt: now },
    })
    .execute()
  return id
}

export async function addTunnel(person: Person, body: object): Promise<Answer['body']> {
  const answer = await person.post('/v1/tunnels', body)
  if (answer.status !== 201) throw new Error(JSON.stringify(answer.body))
  return answer.body
}

export function runAgent(person: Person, tunnels: string[], more: object = {}): Promise<Answer> {
  return person.post('/v1/tunnel-agents', { label: 'laptop', version: '1.0.0', tunnels, ...more })
}

let links = 0

/** A link of a run to a relay, as the relay tells of it. */
export function link(
  app: TestApp,
  runId: string,
  relayId: string,
  linkId = `lnk_${++links}`,
): Promise<OpenedTunnelLink & { linkId: string }> {
  const facts = { agentVersion: '1.0.0', ipAddress: '127.0.0.1' }
  return openLink(app.app.systemContext(), partsOf(app), {
    ...{ linkId, relayId, relayEpoch: 1, runId, ...facts },
  }).then((opened) => ({ ...opened, linkId }))
}

export function unlink(ctx: Context, { linkId }: { linkId: string }): Promise<void> {
  return closeLink(ctx, linkId)
}
