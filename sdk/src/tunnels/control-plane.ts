import type { AgentCalls } from './key-calls.ts'

/** What an agent asks of the API. */
export interface ControlPlane {
  find(name: string): Promise<KnownTunnel | undefined>
  create(tunnel: NewTunnel): Promise<KnownTunnel>
  get(id: string): Promise<KnownTunnel>
  configure(id: string, config: TunnelSettings): Promise<unknown>
  addEndpoint(id: string, endpoint: NewEndpoint): Promise<unknown>
  moveEndpoint(id: string, endpointId: string, url: string): Promise<unknown>
  join(run: JoinedRun, signal: AbortSignal): Promise<Invitation>
}

export interface KnownTunnel {
  id: string
  name: string
  kind: 'http' | 'tcp'
  url: string
  status: string
  started: boolean
  /** While the operator keeps it from serving. */
  suspension?: unknown
  /** Open now. */
  links: number
  endpoints: { id: string; url: string; agent: string }[]
}

export interface TunnelSettings {
  hostHeader?: string
  basicAuth?: { username: string; password: string }
}

export interface NewTunnel {
  name?: string
  kind: 'http' | 'tcp'
  config: TunnelSettings
  endpoints: NewEndpoint[]
}

export interface NewEndpoint {
  url: string
  agent: string
  priority: number
  weight: number
}

export interface JoinedRun {
  runId?: string
  label: string
  version: string
  host?: string
  tunnels: string[]
}

/** What opens links for a minute. */
export interface Invitation {
  runId: string
  ticket: string
  relays: { id: string; url: string }[]
  tunnels: ServedTunnel[]
  refused: { tunnelId: string; code: string; detail: string }[]
}

export interface ServedTunnel {
  id: string
  name: string
  url: string
  endpoints: { id: string; url: string; healthCheck?: unknown }[]
}

export function controlPlaneOf(gantry: AgentCalls): ControlPlane {
  const at = (id: string) => ({ params: { path: { id } } })
  return {
    async find(name) {
      const query = { name, limit: 100 }
      const { data } = await gantry.GET('/api/v1/tunnels', { params: { query } })
      return data.items.find((tunnel) => tunnel.name === name)
    },
    create: async (body) => (await gantry.POST('/api/v1/tunnels', { body })).data,
    get: async (id) => (await gantry.GET('/api/v1/tunnels/{id}', at(id))).data,
    configure: (id, config) =>
      gantry.PATCH('/api/v1/tunnels/{id}', { ...at(id), body: { config } }),
    addEndpoint: (id, body) => gantry.POST('/api/v1/tunnels/{id}/endpoints', { ...at(id), body }),
    moveEndpoint(id, endpointId, url) {
      const params = { path: { id, endpointId } }
      return gantry.PATCH('/api/v1/tunnels/{id}/endpoints/{endpointId}', { params, body: { url } })
    },
    async join(body, signal) {
      const { data } = await gantry.POST('/api/v1/tunnel-agents', { body, signal })
      return data
    },
  }
}
