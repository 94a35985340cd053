import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Logger } from '#kernel/log.ts'
import { defineProblems, Problem } from '#kernel/problem.ts'
import type { OpenedLink, RelayControl } from '../control.ts'
import { LINK_PROTOCOL } from '../link-protocol.ts'

export const linkProblems = defineProblems({
  notAsked: {
    code: 'tunnel.link_not_asked',
    status: 426,
    title: 'Agents open links here',
    suggestion: `Send \`Upgrade: ${LINK_PROTOCOL}\`, as \`gantry tunnel\` does.`,
    category: 'validation',
  },
  noTicket: {
    code: 'tunnel.ticket_missing',
    status: 401,
    title: 'A link needs a ticket',
    suggestion: 'Ask for one with `POST /v1/tunnel-agents`.',
  },
  tooManyLinks: {
    code: 'tunnel.too_many_links',
    status: 503,
    title: 'The relay has as many links as it may',
    level: 'warn',
  },
  silentControl: {
    code: 'tunnel.control_silent',
    status: 503,
    title: 'The relay cannot ask whether the link may be opened',
    level: 'warn',
  },
})

const BEARER = /^Bearer ([\w.-]{1,4096})$/i
const VERSION = /^[\w.+-]{1,64}$/
const ASK_MS = 10_000
const RETRY_AFTER_SECONDS = 5

export interface LinkRequest {
  ticket: string
  agentVersion: string
}

/** @throws Problem */
export function readLinkRequest({ headers }: IncomingMessage): LinkRequest {
  if (headers.upgrade?.toLowerCase() !== LINK_PROTOCOL) throw linkProblems.notAsked()
  const ticket = BEARER.exec(headers.authorization ?? '')?.[1]
  if (ticket === undefined) throw linkProblems.noTicket()
  const version = String(headers['gantry-agent'] ?? '')
  return { ticket, agentVersion: VERSION.test(version) ? version : 'unknown' }
}

/** Asks the control plane whether an agent may have the link. @throws Problem */
export async function askForLink(
  control: Pick<RelayControl, 'openLink'>,
  link: Parameters<RelayControl['openLink']>[0],
  log: Logger,
): Promise<OpenedLink> {
  const late = Promise.withResolvers<never>()
  const retryAfterSeconds = RETRY_AFTER_SECONDS
  const timer = setTimeout(
    () => late.reject(linkProblems.silentControl({ retryAfterSeconds })),
    ASK_MS,
  )
  try {
    return await Promise.race([control.openLink(link), late.promise])
  } catch (error) {
    if (error instanceof Problem) throw error
    log.warn({ err: error }, 'a link could not be asked for')
    throw linkProblems.silentControl({ retryAfterSeconds, cause: error })
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Answers 101. Only once that is out may HTTP/2 take the socket over: over TLS, it would be told of the end of a write that is not its
 * own, and end the process.
 */
export async function acceptLink(socket: Duplex, head: Buffer): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const gone = () => reject(new Error('the agent has gone'))
  socket.once('close', gone)
  socket.write(SWITCHING, (error) => (error ? reject(error) : resolve()))
  await promise.finally(() => socket.off('close', gone))
  if (head.length > 0) socket.unshift(head)
  return socket as Socket
}

const SWITCHING = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${LINK_PROTOCOL}\r\n\r\n`
