/** A service that an agent may dial. */
export interface Address {
  /** Lower case; IPv6 without brackets. */
  readonly host: string
  readonly port: number
}

export interface Target extends Address {
  /** As the endpoint of the tunnel has it: `http://localhost:3000`, `https://…`, `tcp://localhost:5432`. */
  readonly url: string
}

const SCHEMES = { http: ['http:', 'https:'], tcp: ['tcp:'] }
const DEFAULT_PORTS: Record<string, string> = { 'http:': '80', 'https:': '443' }

/**
 * What a person calls the service: `3000`, `10.0.0.5:8080`, `https://localhost:8443`, `tcp://db:5432`.
 *
 * @throws TypeError that says what to write
 */
export function parseTarget(kind: 'http' | 'tcp', text: string | number): Target {
  const given = String(text).trim().toLowerCase()
  const full = /^\d+$/.test(given) ? `localhost:${given}` : given
  const url = URL.parse(full.includes('://') ? full : `${kind}://${full}`)
  const port = url && Number(url.port || DEFAULT_PORTS[url.protocol])
  const isPlain = url && ['', '/'].includes(url.pathname + url.search + url.hash) && !url.username
  if (!url?.hostname || !port || !isPlain || !SCHEMES[kind].includes(url.protocol)) {
    const example = kind === 'http' ? '3000, localhost:3000 or https://localhost:3000' : '5432'
    throw new TypeError(`'${given}' is not the address of a service: write ${example}`)
  }
  const plain = kind === 'http' ? url.origin : `tcp://${url.host}`
  return { host: plainHost(url.hostname), port, url: plain }
}

/** `host:port`. @throws TypeError that says what to write */
export function parseAddress(text: string): Address {
  const url = URL.parse(`tcp://${text.trim()}`)
  if (!url?.hostname || !Number(url.port) || url.username || url.pathname + url.search + url.hash) {
    throw new TypeError(`'${text}' is not an address: write host:port, such as 10.0.0.5:8080`)
  }
  return { host: plainHost(url.hostname), port: Number(url.port) }
}

/** One spelling for each address. */
export function spell({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function plainHost(hostname: string): string {
  return hostname.toLowerCase().replace(/^\[|\]$/g, '')
}
