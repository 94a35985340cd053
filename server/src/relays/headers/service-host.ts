import type { TunnelConfig } from '#tunnels/index.ts'

/** What the service at this address is told as its host. */
export function serviceHost(
  hostHeader: TunnelConfig['hostHeader'],
  visitorHost: string,
  endpointUrl: string,
): string {
  if (hostHeader === 'preserve') return visitorHost
  return hostHeader === 'rewrite' ? new URL(endpointUrl).host : hostHeader
}
