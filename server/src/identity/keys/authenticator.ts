import { AddressRanges } from '#kernel/address-ranges.ts'
import type { Clock } from '#kernel/clock.ts'
import type { Actor } from '#kernel/context.ts'
import type { Keyring } from '#kernel/crypto.ts'
import type { Db } from '#kernel/db.ts'
import { isWhole } from './format.ts'
import { findHolder } from './holder.ts'
import { hashOf } from './insert.ts'
import { type Ends, whyEnded } from './life.ts'
import { LastUses, USE_NOTED_MS } from './last-uses.ts'
import { keyProblems } from './problems.ts'

export type KeyActor = Actor & { kind: 'key' }

/** Keys and their makers are looked up again after this; what ends elsewhere counts here within 5 s. */
const FRESH_MS = 4_000
/** About 1 KiB each. */
const MAX_KNOWN = 5_000
/** Keys that were never made here. In a list of their own, so that guesses drive out no key that is in use. */
const MAX_UNKNOWN = 1_000

/** What was found behind a key. */
interface Known {
  readonly actor: KeyActor
  readonly ends: Ends
  /** The person may not sign in any more, or left the account. */
  readonly isOrphan: boolean
  /** Anywhere when absent. */
  readonly ranges: AddressRanges | undefined
  readonly freshUntilMs: number
  lastUsedAt: Date | null
}

interface KeyAuthenticatorOptions {
  db: Db
  clock: Clock
  keyring: Keyring
  /** Told of each key that was looked up in vain. @throws problem `auth.too_many_attempts` */
  onGuess: (ip: string) => Promise<void>
}

/** Tells in whose name a request with an API key acts. A mistyped key costs no query, one in use one query every few seconds. */
export class KeyAuthenticator implements AsyncDisposable {
  readonly #db: Db
  readonly #clock: Clock
  readonly #keyring: Keyring
  readonly #uses: LastUses
  readonly #onGuess: (ip: string) => Promise<void>
  /** By the key's hash; the entry that was looked up longest ago comes first, here and below. */
  readonly #known = new Map<string, Known>()
  readonly #unknown = new Map<string, { freshUntilMs: number }>()
  readonly #pending = new Map<string, Promise<Known | undefined>>()
  #changes = 0

  constructor({ db, clock, keyring, onGuess }: KeyAuthenticatorOptions) {
    this.#db = db
    this.#clock = clock
    this.#keyring = keyring
    this.#uses = new LastUses(db)
    this.#onGuess = onGuess
  }

  /** @throws problem `auth.key_invalid`, `auth.key_ended`, `auth.key_wrong_address`, or what `onGuess` throws */
  async authenticate(key: string, ip: string): Promise<KeyActor> {
    if (!isWhole(key)) throw keyProblems.invalid({ detail: MISTYPED })
    const hash = hashOf(this.#keyring, key)
    const name = hash.toString('base64')
    const known = this.#fresh(this.#known, name)
    if (known) return this.#judge(known, ip)
    if (this.#fresh(this.#unknown, name)) throw keyProblems.invalid()
    const found = await this.#lookUp(name, hash)
    if (!found) {
      await this.#onGuess(ip)
      throw keyProblems.invalid()
    }
    return this.#judge(found, ip)
  }

  /** The next request with this key is looked up again. */
  forget(keyId: string): void {
    this.#forget((actor) => actor.keyId === keyId)
  }

  /** The next request with a key of this user is looked up again. */
  forgetUser(userId: string): void {
    this.#forget((actor) => actor.userId === userId)
  }

  #forget(ended: (actor: KeyActor) => boolean): void {
    this.#changes++
    // Whoever asks from now on does not wait for an answer from before.
    this.#pending.clear()
    for (const [name, { actor }] of this.#known) {
      if (ended(actor)) this.#known.delete(name)
    }
  }

  /** Writes down the last uses that are not written yet. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#known.clear()
    this.#unknown.clear()
    await this.#uses[Symbol.asyncDispose]()
  }

  #fresh<Entry extends { freshUntilMs: number }>(
    entries: ReadonlyMap<string, Entry>,
    name: string,
  ): Entry | undefined {
    const entry = entries.get(name)
    return entry && this.#clock.monotonicMs() < entry.freshUntilMs ? entry : undefined
  }

  #judge(known: Known, ip: string): KeyActor {
    const now = this.#clock.now()
    const why = whyEnded(known.ends, now) ?? (known.isOrphan ? ORPHANED : undefined)
    if (why) throw keyProblems.ended({ why })
    if (known.ranges && !known.ranges.include(ip)) throw keyProblems.wrongAddress({ ip })
    if (!known.lastUsedAt || now.getTime() - known.lastUsedAt.getTime() >= USE_NOTED_MS) {
      known.lastUsedAt = now
      this.#uses.note(known.actor.keyId, { at: now, ip })
    }
    return known.actor
  }

  /** Requests that come together with one key share one look-up. */
  #lookUp(name: string, hash: Buffer): Promise<Known | undefined> {
    const pending = this.#pending.get(name)
    if (pending) return pending
    const lookUp = this.#find(name, hash).finally(() => {
      if (this.#pending.get(name) === lookUp) this.#pending.delete(name)
    })
    this.#pending.set(name, lookUp)
    return lookUp
  }

  async #find(name: string, hash: Buffer): Promise<Known | undefined> {
    this.#known.delete(name)
    this.#unknown.delete(name)
    const freshUntilMs = this.#clock.monotonicMs() + FRESH_MS
    const changes = this.#changes
    const holder = await findHolder(this.#db, hash)
    if (!holder) {
      keep(this.#unknown, name, { freshUntilMs }, MAX_UNKNOWN)
      return undefined
    }
    const { allowedAddresses, ...rest } = holder
    const ranges = allowedAddresses.length > 0 ? new AddressRanges(allowedAddresses) : undefined
    const known: Known = { ...rest, ranges, freshUntilMs }
    // What was found may have ended since: not worth keeping then.
    if (changes === this.#changes) keep(this.#known, name, known, MAX_KNOWN)
    return known
  }
}

const MISTYPED = 'The key is cut off or mistyped: its last six characters do not fit the rest.'
const ORPHANED = 'acts in the name of somebody who may not act for the account any more'

function keep<Entry>(entries: Map<string, Entry>, name: string, entry: Entry, most: number): void {
  entries.set(name, entry)
  if (entries.size <= most) return
  for (const oldest of entries.keys()) return void entries.delete(oldest)
}
