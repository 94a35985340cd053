import { createHmac } from 'node:crypto'
import { equalDigests } from '#kernel/crypto/digests.ts'

/** What let somebody in, as the cookie says that the visitor keeps. */
export interface Pass {
  by: 'grant' | 'members' | 'password'
  /** Of a grant; of a password, which one. */
  id: string
  /** Of the access policy when it was given. */
  generation: number
  expiresAtMs: number
  /** The user, when the visitor has signed in. */
  person: string
}

const MAX_LENGTH = 512
const BYS: readonly string[] = ['grant', 'members', 'password']

/** Signs what visitors keep, for one tunnel: any relay that serves it can read it, and nobody can change it. */
export class Passes {
  readonly #key: Buffer
  readonly #tunnelId: string

  constructor(cookieKey: string, tunnelId: string) {
    this.#key = Buffer.from(cookieKey, 'base64url')
    if (this.#key.length < 32) throw new Error('a tunnel has no key for its cookies')
    this.#tunnelId = tunnelId
  }

  write({ by, id, generation, expiresAtMs, person }: Pass): string {
    const text = [by, id, generation, Math.floor(expiresAtMs / 1000), person].join('|')
    const content = Buffer.from(text).toString('base64url')
    return `${content}.${this.#mac(content).toString('base64url')}`
  }

  /** Undefined for what was not written here, or has ended by time. */
  read(value: string, nowMs: number): Pass | undefined {
    const [content = '', mac = '', ...more] = value.length > MAX_LENGTH ? [] : value.split('.')
    if (more.length > 0 || !equalDigests(Buffer.from(mac, 'base64url'), this.#mac(content))) {
      return undefined
    }
    const [by = '', id = '', generation, expiresAt, person = ''] = Buffer.from(content, 'base64url')
      .toString()
      .split('|')
    const expiresAtMs = Number(expiresAt) * 1000
    if (!BYS.includes(by) || !(expiresAtMs > nowMs)) return undefined
    return { by: by as Pass['by'], id, generation: Number(generation), expiresAtMs, person }
  }

  #mac(content: string): Buffer {
    return createHmac('sha256', this.#key).update(`${this.#tunnelId}|${content}`).digest()
  }
}
