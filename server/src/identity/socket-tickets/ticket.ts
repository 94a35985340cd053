import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { openByToken, sealByToken, sha256 } from '#kernel/crypto.ts'
import type { ShownCredential } from '#kernel/socket-ticket.ts'

const TICKET = /^gty_wt1_[0-9a-f]{64}$/
const USE = 'socket tickets'

const Credential = z.strictObject({ authorization: z.string(), account: z.string().optional() })

/** A new ticket, of 256 random bits. */
export function makeTicket(): string {
  return `gty_wt1_${randomBytes(32).toString('hex')}`
}

/** What is kept of a ticket; undefined for a text that is none. */
export function digestOf(ticket: string): Buffer | undefined {
  return TICKET.test(ticket) ? sha256(ticket) : undefined
}

/** Both spellings of one socket's path are one. */
export function plainPath(path: string): string {
  return path.replace(/^\/api(?=\/v1\/)/, '').replace(/^\/socket\.io\/$/, '/socket.io')
}

export function sealCredential(ticket: string, path: string, shown: ShownCredential): Buffer {
  return sealByToken(ticket, USE, [path], JSON.stringify(shown))
}

/** @throws UnsealFailed */
export function openCredential(ticket: string, path: string, sealed: Buffer): ShownCredential {
  return Credential.parse(JSON.parse(openByToken(ticket, USE, [path], sealed)))
}
