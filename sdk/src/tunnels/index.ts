import { TunnelAgent } from './agent.ts'
import type { AgentOptions } from './agent-options.ts'
import type { TunnelOptions } from './enrol.ts'
import type { AgentCalls } from './key-calls.ts'

export { GantryError } from '../error.ts'
export { parseTarget } from './address.ts'
export { TunnelAgent } from './agent.ts'
export type { AgentEvents, AgentOptions, LinkState } from './agent-options.ts'
export type { TunnelOptions } from './enrol.ts'
export type { OpenTunnel } from './held-tunnels.ts'
export { type AgentCalls, keyCalls } from './key-calls.ts'
export type { RequestLine } from './link-protocol.ts'
export { NoConnection, reasonOf, TunnelLost } from './problems.ts'

/**
 * Gives a service of this machine a public address; resolves once visitors are served. The agent runs until `leave`, or the end of
 * the block of `await using`.
 *
 * @throws GantryError when the API refuses; TypeError for a target that is none
 */
export async function openTunnel(
  gantry: AgentCalls,
  tunnel: TunnelOptions,
  options: Omit<AgentOptions, 'tunnels'> = {},
): Promise<TunnelAgent & { readonly url: string }> {
  const agent = new TunnelAgent(gantry, { ...options, tunnels: [tunnel] })
  await agent.open()
  return Object.assign(agent, { url: agent.tunnels[0]!.url })
}
