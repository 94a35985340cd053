import type { Exchange, Headers } from '../watch/exchange.ts'

const SECRET = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
  'x-auth-token',
])
const MASK = '[masked]'

/** The exchange without the values of its headers that let somebody else act as the visitor. */
export function masked(exchange: Exchange): Exchange {
  return {
    ...exchange,
    url: withoutPassword(exchange.url),
    requestHeaders: maskedHeaders(exchange.requestHeaders),
    responseHeaders: maskedHeaders(exchange.responseHeaders),
  }
}

function maskedHeaders(headers: Headers): Headers {
  return headers.map(([name, value]) => [name, SECRET.has(name.toLowerCase()) ? MASK : value])
}

function withoutPassword(url: string): string {
  return url.replace(/^([a-z]+:\/\/)[^/@]*@/i, `$1`)
}
