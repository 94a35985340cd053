import type { Config } from '#kernel/config.ts'
import { KEYS } from '#kernel/config-keys.ts'
import type { Logger } from '#kernel/log.ts'

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]'])

/** Whose pages may call us from a browser. */
export function corsOrigins(config: Config): string[] {
  const frontend = config.FRONTEND_URL && URL.parse(config.FRONTEND_URL)?.origin
  return [...config.CORS_ORIGINS, ...config.CORS_ORIGIN, ...(frontend ? [frontend] : [])]
}

/**
 * On loopback, and where a public URL is known, other names than our own are those of somebody who made theirs point here so that
 * their pages could talk to us (DNS rebinding).
 */
export function isOwnHost(
  { PUBLIC_URL, loopbackOnly, HOST }: Config,
  host: string | undefined,
): boolean {
  const name = URL.parse(`http://${host}`)?.hostname
  if (name === undefined) return false
  if (LOOPBACK.has(name) || name.endsWith('.localhost') || name === HOST) return true
  if (PUBLIC_URL) return name === URL.parse(PUBLIC_URL)?.hostname
  return !loopbackOnly
}

/** Where clients on this machine reach a server that listens on `port`. */
export function localUrl({ HOST, TLS_CERT_FILE }: Config, port: number): string {
  const host = HOST === '0.0.0.0' || HOST === '::' ? 'localhost' : HOST
  return `${TLS_CERT_FILE ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** Nobody shall be left with the limits of a test without knowing it. */
export function tellOfRaisedLimits(config: Config, log: Logger): void {
  for (const name of ['AUTH_ATTEMPTS', 'UNAUTHENTICATED_REQUESTS', 'MISSED_REQUESTS'] as const) {
    const usual = KEYS[name].schema.parse(undefined)
    if (config[name] > usual) log.warn({ name, value: config[name], usual }, 'a limit is raised')
  }
}
