import { connect, isIP, type LookupFunction, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Address } from './address.ts'

export interface ServiceDial extends Address {
  /** Speaks TLS to it. */
  secure: boolean
  /** Takes any certificate. */
  insecure: boolean
  deadlineMs: number
  signal: AbortSignal
}

/** A service that neither takes a connection nor refuses it. */
export class ServiceSilent extends Error {}

/** A connection to a local service, with TLS if it speaks that. @throws ServiceSilent, or the error of the connection */
export function dialService(dial: ServiceDial): Promise<Socket> {
  const { host, port, secure, insecure, deadlineMs, signal } = dial
  const address = { host, port, allowHalfOpen: true, noDelay: true, ...localLookup(host) }
  const name = isIP(host) ? {} : { servername: host }
  const tls = { ...address, ...name, ALPNProtocols: ['http/1.1'], rejectUnauthorized: !insecure }
  const socket = secure ? connectTls(tls) : connect(address)
  return new Promise((resolve, reject) => {
    const silence = new ServiceSilent(`nothing answered at ${host}:${port} in ${deadlineMs} ms`)
    const timer = setTimeout(() => socket.destroy(silence), deadlineMs)
    const leave = () => socket.destroy(new Error('the visitor has gone'))
    const finish = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', leave)
      socket.off('error', fail)
    }
    const fail = (error: Error) => {
      finish()
      socket.on('error', () => {})
      reject(error instanceof AggregateError ? error.errors[0] : error)
    }
    if (signal.aborted) leave()
    signal.addEventListener('abort', leave, { once: true })
    socket.once('error', fail)
    socket.once(secure ? 'secureConnect' : 'connect', () => {
      finish()
      resolve(socket)
    })
  })
}

const LOOPBACK = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
] as const

/** `localhost` is this machine by either family, and needs no resolver. */
export function localLookup(host: string): { lookup?: LookupFunction } {
  if (host !== 'localhost') return {}
  return {
    lookup: (_host, { all }, done) =>
      all ? done(null, [...LOOPBACK]) : done(null, LOOPBACK[0].address, LOOPBACK[0].family),
  }
}
