import { type AnyRoute, route } from '#kernel/http/route.ts'
import { AgentRun, RunAgent } from './agent-schema.ts'
import { runAgent } from './agents.ts'
import { ID, runExample } from './examples.ts'
import type { Running } from './parts.ts'
import { problems } from './problems.ts'

/** What agents call before they dial a relay. */
export function agentRoutes(running: Running): AnyRoute[] {
  return [
    route({
      ...{ method: 'POST', path: '/v1/tunnel-agents', access: 'tunnels.write' },
      summary: 'Begin to hold tunnels open, or get another ticket to go on',
      description:
        'A new run takes the tunnels at once from the earlier one of the same label. Call again with the `runId` for a fresh ticket, as often as links are opened.',
      body: RunAgent,
      returns: AgentRun,
      problems: [problems.notFound, problems.runUnknown],
      examples: {
        body: { label: 'laptop', version: '0.1.0', host: 'anns-laptop', tunnels: [ID] },
        reply: runExample,
      },
      handler: (ctx, { body, request }) => runAgent(ctx, running(), body, request.ip),
    }),
  ]
}
