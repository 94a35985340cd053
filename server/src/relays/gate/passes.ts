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
const MAX_KNOWN = 2_000
/** Of 32 bytes in base64url. */
const KEY_LENGTH = 43

/** Those whose signature was found good, in all tunnels of a relay: the one that was shown first is forgotten first. */
export class KnownPasses {
  readonly #passes = new Map<string, Pass>()

  get(name: string): Pass | undefined {
    return this.#passes.get(name)
  }

  keep(name: string, pass: Pass): void {
    this.#passes.set(name, pass)
    if (this.#passes.size <= MAX_KNOWN) return
    for (const oldest of this.#passes.keys()) return void this.#passes.delete(oldest)
  }
}

/** Signs what visitors keep, for one tunnel: any relay that serves it can read it, and nobody can change it. */
export class Passes {
  readonly #known: KnownPasses
  readonly #cookieKey: string
  readonly #tunnelId: string

  constructor(known: KnownPasses, cookieKey: string, tunnelId: string) {
    this.#known = known
    if (cookieKey.length < KEY_LENGTH) throw new Error('a tunnel has no key for its cookies')
    this.#cookieKey = cookieKey
    this.#tunnelId = tunnelId
  }

  write({ by, id, generation, expiresAtMs, person }: Pass): string {
    const text = [by, id, generation, Math.floor(expiresAtMs / 1000), person].join('|')
    const content = Buffer.from(text).toString('base64url')
    return `${content}.${this.#mac(content).toString('base64url')}`
  }

  /** Undefined for what was not written here, or has ended by time. */
  read(value: string, nowMs: number): Pass | undefined {
    if (value.length > MAX_LENGTH) return undefined
    const name = `${this.#tunnelId} ${this.#cookieKey} ${value}`
    const known = this.#known.get(name)
    const pass = known ?? this.#genuine(value)
    if (!pass || pass.expiresAtMs <= nowMs) return undefined
    if (!known) this.#known.keep(name, pass)
    return pass
  }

  #genuine(value: string): Pass | undefined {
    const [content = '', mac = '', ...more] = value.split('.')
    const shown = Buffer.from(mac, 'base64url')
    if (more.length > 0 || !equalDigests(shown, this.#mac(content))) return undefined
    const text = Buffer.from(content, 'base64url').toString()
    const [by = '', id = '', generation, expiresAt, person = ''] = text.split('|')
    const expiresAtMs = Number(expiresAt) * 1000
    return { by: by as Pass['by'], id, generation: Number(generation), expiresAtMs, person }
  }

  #mac(content: string): Buffer {
    return createHmac('sha256', Buffer.from(this.#cookieKey, 'base64url'))
      .update(`${this.#tunnelId}|${content}`)
      .digest()
  }
}
