import { once } from 'node:events'
import type { Server } from 'node:http'
import { type Socket, connect } from 'node:net'
import type { TestContext } from 'node:test'
import { type PrepareRequestFunctionOpts, Server as ProxyServer } from 'proxy-chain'
import { openTcp } from './egress-fixture.ts'

/** An upstream proxy on this machine. All names lead to this machine, and it notes what it was asked for. */
export interface TestUpstream {
  url: string
  port: number
  /** `host:port` as it was asked for. */
  asked: string[]
  /** How many requests were whole URLs rather than tunnels. */
  plain: number
}

export const CREDENTIALS = { username: 'ann', password: 'p@ss:w0rd' }
/** Not in any store of trusted ones; its name is `proxy.example`. */
export const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBojCCAUegAwIBAgIUFKNkfq1kaccWZIX/lpqrHwQD4+EwCgYIKoZIzj0EAwIw
GDEWMBQGA1UEAwwNcHJveHkuZXhhbXBsZTAgFw0yNjExMjExMTUxMzRaGA8yMTI2
MTAyODExNTEzNFowGDEWMBQGA1UEAwwNcHJveHkuZXhhbXBsZTBZMBMGByqGSM49
AgEGCCqGSM49AwEHA0IABMYEQlcGR1aUa8nA7Iu6p5ph9sDv5BXI2E+x9ch8Ii8D
b+KC3+5jBFzYVjCJaLWISPoGUClG3eJ6t55ptdeLD9SjbTBrMB0GA1UdDgQWBBTv
JGoT6fXpzWAx1x0xoYgb/wQSxDAfBgNVHSMEGDAWgBTvJGoT6fXpzWAx1x0xoYgb
/wQSxDAPBgNVHRMBAf8EBTADAQH/MBgGA1UdEQQRMA+CDXByb3h5LmV4YW1wbGUw
CgYIKoZIzj0EAwIDSQAwRgIhAJ6ZhTvJSyGoqkszxGuiymLAtylTCE+MmdmLU4rt
0E2yAiEAmLfwIgIvQS0QIPRebMxSa+vIGxdFiGSMBEnGnQgO8K0=
-----END CERTIFICATE-----`
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgh5S5U1XtkfXgeI9J
BDbNsNkR0s/BJRR/Jh0uTcw6HMihRANCAATGBEJXBkdWlGvJwOyLuqeaYfbA7+QV
yNhPsfXIfCIvA2/igt/uYwRc2FYwiWi1iEj6BlApRt3iereeabXXiw/U
-----END PRIVATE KEY-----`

export async function openHttpUpstream(
  t: TestContext,
  { secure = false } = {},
): Promise<TestUpstream> {
  const upstream: TestUpstream = { url: '', port: 0, asked: [], plain: 0 }
  const options = {
    ...{ host: '127.0.0.1', port: 0 },
    prepareRequestFunction: (asked: PrepareRequestFunctionOpts) => {
      const { hostname, port, username, password, isHttp } = asked
      if (username !== CREDENTIALS.username || password !== CREDENTIALS.password) {
        return { requestAuthentication: true }
      }
      upstream.asked.push(`${hostname}:${port}`)
      upstream.plain += Number(isHttp)
      return { dnsLookup: toThisMachine as never }
    },
  }
  const httpsOptions = { key: KEY, cert: CERTIFICATE }
  const proxy = secure
    ? new ProxyServer({ ...options, serverType: 'https', httpsOptions })
    : new ProxyServer(options)
  await proxy.listen()
  t.after(() => proxy.close(true))
  ;(proxy.server as Server).keepAliveTimeout = 1
  upstream.port = proxy.port
  upstream.url = urlOf(
    secure ? 'https' : 'http',
    secure ? 'proxy.example' : '127.0.0.1',
    proxy.port,
  )
  return upstream
}

export async function openSocksUpstream(
  t: TestContext,
  scheme: 'socks5' | 'socks5h' = 'socks5',
): Promise<TestUpstream> {
  const upstream: TestUpstream = { url: '', port: 0, asked: [], plain: 0 }
  upstream.port = await openTcp(t, (socket) => {
    serveSocks(socket, upstream).catch(() => socket.destroy())
  })
  upstream.url = urlOf(scheme, '127.0.0.1', upstream.port)
  return upstream
}

function urlOf(scheme: string, host: string, port: number): string {
  const [username, password] = Object.values(CREDENTIALS).map(encodeURIComponent)
  return `${scheme}://${username}:${password}@${host}:${port}`
}

function toThisMachine(
  _name: string,
  { all }: { all?: boolean },
  callback: (error: null, address: unknown, family?: number) => void,
) {
  if (all) callback(null, [{ address: '127.0.0.1', family: 4 }])
  else callback(null, '127.0.0.1', 4)
}

/** RFC 1928 with the user names of RFC 1929, and nothing beyond a connection. */
async function serveSocks(socket: Socket, upstream: TestUpstream): Promise<void> {
  const [, methods] = await take(socket, 2)
  const offered = await take(socket, methods!)
  if (!offered.includes(2)) return void socket.end(Buffer.from([5, 0xff]))
  socket.write(Buffer.from([5, 2]))
  const [, nameLength] = await take(socket, 2)
  const username = (await take(socket, nameLength!)).toString()
  const password = (await take(socket, (await take(socket, 1))[0]!)).toString()
  const isKnown = username === CREDENTIALS.username && password === CREDENTIALS.password
  socket.write(Buffer.from([1, isKnown ? 0 : 1]))
  if (!isKnown) return void socket.end()

  const [, , , kind] = await take(socket, 4)
  const host = await hostOf(socket, kind!)
  const port = (await take(socket, 2)).readUInt16BE()
  upstream.asked.push(`${host}:${port}`)
  const target = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  target.on('error', () => socket.end(reply(5)))
  await once(target, 'connect')
  // In one packet with what the far end says first.
  const first = port === upstream.port ? [] : await firstWords(target)
  socket.write(Buffer.concat([reply(0), ...first]))
  socket.pipe(target).pipe(socket)
  socket.on('close', () => target.destroy())
}

function reply(code: number): Buffer {
  return Buffer.from([5, code, 0, 1, 0, 0, 0, 0, 0, 0])
}

/** What a far end that speaks first has said within 50 ms. */
async function firstWords(target: Socket): Promise<Buffer[]> {
  const signal = AbortSignal.timeout(50)
  await once(target, 'readable', { signal }).catch(() => {})
  const words = target.read() as Buffer | null
  return words ? [words] : []
}

async function hostOf(socket: Socket, kind: number): Promise<string> {
  if (kind === 1) return (await take(socket, 4)).join('.')
  if (kind !== 3) throw new Error('only IPv4 and names')
  return (await take(socket, (await take(socket, 1))[0]!)).toString()
}

async function take(socket: Socket, bytes: number): Promise<Buffer> {
  for (;;) {
    const taken = (bytes === 0 ? Buffer.alloc(0) : socket.read(bytes)) as Buffer | null
    if (taken) return taken
    if (socket.readableEnded || socket.destroyed) throw new Error('closed')
    await once(socket, 'readable')
  }
}
