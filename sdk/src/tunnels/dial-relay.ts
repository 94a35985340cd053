import { once } from 'node:events'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { connect, isIP, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { setImmediate } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { errorFrom, type GantryError } from '../error.ts'
import { LINK_PATH, LINK_PROTOCOL } from './link-protocol.ts'
import { http } from './node-http.ts'
import { type Environment, hostOf, portOf, proxyFor } from './proxy.ts'

export interface RelayDial {
  url: string
  ticket: string
  version: string
  /** Of each step: to connect, to pass the proxy, to secure, to upgrade. */
  stepMs: number
  signal: AbortSignal
  env: Environment
  /** Certificates to trust beside those of the system, as PEM. */
  ca?: string | undefined
}

/**
 * The socket of a new link, past its upgrade; by HTTP proxy where the environment names one.
 *
 * @throws GantryError when the relay refuses; else the error of the network
 */
export async function dialRelay(dial: RelayDial): Promise<Socket> {
  const url = new URL(LINK_PATH, dial.url)
  const proxy = proxyFor(url, dial.env)
  const plain = proxy ? await passProxy(proxy, url, dial) : await reach(url, dial)
  try {
    const socket = url.protocol === 'https:' ? await secure(plain, url, ['http/1.1'], dial) : plain
    return await upgrade(socket, url, dial)
  } catch (error) {
    plain.destroy()
    throw error
  }
}

async function reach(url: URL, dial: RelayDial): Promise<Socket> {
  const socket = connect({ host: hostOf(url), port: Number(portOf(url)), noDelay: true })
  await step(socket, 'connect', `to connect to ${url.host}`, dial)
  return socket
}

async function passProxy(proxy: URL, url: URL, dial: RelayDial): Promise<Socket> {
  const plain = await reach(proxy, dial)
  try {
    const socket = proxy.protocol === 'https:' ? await secure(plain, proxy, [], dial) : plain
    return await askProxy(socket, proxy, url, dial)
  } catch (error) {
    plain.destroy()
    throw error
  }
}

async function askProxy(socket: Socket, proxy: URL, url: URL, dial: RelayDial): Promise<Socket> {
  const path = `${url.hostname}:${portOf(url)}`
  const credentials = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`
  const authorization = `Basic ${Buffer.from(credentials).toString('base64')}`
  const request = http.request({
    ...{ method: 'CONNECT', path, createConnection: () => socket },
    headers: { host: path, ...(proxy.username && { 'proxy-authorization': authorization }) },
  })
  request.end()
  const [answer, , head] = await answerTo(request, 'connect', `for the proxy ${proxy.host}`, dial)
  if (answer.statusCode !== 200) {
    throw new Error(`the proxy ${proxy.host} answered ${answer.statusCode} to CONNECT ${path}`)
  }
  if (head.length > 0) socket.unshift(head)
  return socket
}

async function secure(
  socket: Socket,
  url: URL,
  protocols: string[],
  dial: RelayDial,
): Promise<Socket> {
  const host = hostOf(url)
  const name = isIP(host) ? {} : { servername: host }
  const trusted = dial.ca === undefined ? {} : { ca: dial.ca }
  const alpn = protocols.length > 0 ? { ALPNProtocols: protocols } : {}
  const secured = connectTls({ socket, host, ...name, ...trusted, ...alpn })
  await step(secured, 'secureConnect', `for TLS with ${url.host}`, dial)
  return secured
}

async function upgrade(socket: Socket, url: URL, dial: RelayDial): Promise<Socket> {
  const request = http.request({
    ...{ path: url.pathname, createConnection: () => socket },
    headers: {
      ...{ host: url.host, connection: 'Upgrade', upgrade: LINK_PROTOCOL },
      ...{ authorization: `Bearer ${dial.ticket}`, 'gantry-agent': dial.version },
    },
  })
  request.end()
  const [answer, , head] = await answerTo(request, 'upgrade', `for ${url.host} to upgrade`, dial)
  if (answer.statusCode !== 101) throw await refusal(answer, dial)
  if (head.length > 0) socket.unshift(head)
  await untilWritten(socket)
  return socket
}

/** Node ends the process when a write over TLS is done that was begun before HTTP/2 took the socket. */
async function untilWritten(socket: Socket): Promise<void> {
  while (socket.writableLength > 0 && !socket.destroyed) await setImmediate()
}

type Answer = [answer: IncomingMessage, socket?: Socket, head?: Buffer]

async function answerTo(
  request: ClientRequest,
  event: 'connect' | 'upgrade',
  what: string,
  dial: RelayDial,
): Promise<[IncomingMessage, Socket | undefined, Buffer]> {
  const answered = new AbortController()
  const signal = AbortSignal.any([answered.signal, deadline(dial)])
  try {
    const [answer, socket, head] = (await Promise.race([
      once(request, event, { signal }),
      once(request, 'response', { signal }),
    ])) as Answer
    return [answer, socket, head ?? Buffer.alloc(0)]
  } catch (error) {
    throw explain(error, what, dial)
  } finally {
    request.on('error', () => {})
    answered.abort()
  }
}

/** A problem that says why, or an answer of something that is no relay. */
async function refusal(answer: IncomingMessage, dial: RelayDial): Promise<GantryError> {
  const body = await Promise.race([
    text(answer.setEncoding('utf8')).catch(() => ''),
    once(deadline(dial), 'abort').then(() => ''),
  ])
  answer.destroy()
  return errorFrom({ status: answer.statusCode!, statusText: answer.statusMessage ?? '' }, body)
}

async function step(socket: Socket, event: string, what: string, dial: RelayDial): Promise<void> {
  try {
    await once(socket, event, { signal: deadline(dial) })
  } catch (error) {
    socket.destroy()
    throw explain(error, what, dial)
  } finally {
    // Until somebody else listens: a failure between two steps is seen by the next one.
    socket.on('error', () => {})
  }
}

function deadline({ stepMs, signal }: RelayDial): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(stepMs)])
}

function explain(error: unknown, what: string, { stepMs, signal }: RelayDial): Error {
  if (signal.aborted) return signal.reason as Error
  if ((error as Error).name === 'AbortError') return new Error(`it took ${stepMs} ms ${what}`)
  return error instanceof AggregateError ? (error.errors[0] as Error) : (error as Error)
}
