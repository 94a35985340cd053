import { createPrivateKey } from 'node:crypto'
import type { Clock } from '#kernel/clock.ts'
import type { Db } from '#kernel/db.ts'
import { ed25519Signer, headerOf, type JwsKeys, type JwsSigner, readJwk } from '#kernel/jws.ts'
import type { Logger } from '#kernel/log.ts'
import type { KmsAlgorithm } from '#kernel/secrets/kms.ts'
import { Ticker } from '#kernel/ticker.ts'
import { type KeySource, makeKey } from './make-key.ts'
import { privateHalves, publicJwkOf, readKeys, type SigningKeyRow } from './store.ts'

export interface SigningKeysOptions extends KeySource {
  db: Db
  clock: Clock
  log: Logger
}

/** Of access tokens (RFC 9068). */
const TYPE = 'at+jwt'
const REFRESH_MS = 5_000
/** Whoever sends tokens of keys that nobody has heard of causes one query in this time. */
const LOOK_AGAIN_MS = 1_000

/** What one process signs and verifies with, at one moment. */
interface Current {
  signer: JwsSigner
  trusted: JwsKeys
  kids: readonly string[]
}

/**
 * The keys that all processes of this installation sign and verify with, followed every 5 s. A token of a key that is not known yet
 * makes it look at once.
 */
export class SigningKeys implements AsyncDisposable {
  readonly source: KeySource
  /** Called after a key has stopped to count. */
  onDropped: () => void = () => {}
  readonly #options: SigningKeysOptions
  readonly #following: Ticker
  #current!: Current
  #looking: Promise<void> | undefined
  #lookedAtMs = -Infinity
  #read: Promise<void> = Promise.resolve()

  /**
   * Makes the first key. Of several processes that start at once, one makes it and all get the same.
   *
   * @throws Error when the sealing keys of this machine do not open it, or KmsFailure
   */
  static async open(options: SigningKeysOptions): Promise<SigningKeys> {
    const keys = new SigningKeys(options)
    await keys.#makeFirst()
    await keys.refresh()
    keys.#following.start()
    return keys
  }

  private constructor(options: SigningKeysOptions) {
    this.#options = options
    this.source = options
    const { log } = options
    const work = () => this.refresh()
    this.#following = new Ticker({
      name: 'follow the signing keys',
      everyMs: REFRESH_MS,
      log,
      work,
    })
  }

  get signer(): JwsSigner {
    return this.#current.signer
  }

  /** By the header of access tokens. */
  get trusted(): JwsKeys {
    return this.#current.trusted
  }

  /** Takes up what changed. */
  refresh(): Promise<void> {
    // One after the other: what was read earlier must not take the place of what was read later.
    const read = this.#read.then(() => this.#refresh())
    this.#read = read.catch(() => undefined)
    return read
  }

  /** As `refresh`, but at most once a second; many callers share one look. */
  async lookAgain(): Promise<void> {
    const nowMs = this.#options.clock.monotonicMs()
    if (!this.#looking && nowMs - this.#lookedAtMs < LOOK_AGAIN_MS) return
    this.#lookedAtMs = nowMs
    this.#looking ??= this.refresh().finally(() => (this.#looking = undefined))
    await this.#looking
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#following[Symbol.asyncDispose]()
  }

  async #refresh(): Promise<void> {
    const rows = await readKeys(this.#options.db)
    const active = rows.find(({ state }) => state === 'active')
    if (!active) throw new Error('no key signs tokens')
    const before = this.#current
    const isSame = before?.signer.kid === active.kid
    this.#current = {
      signer: isSame ? before.signer : this.#signerOf(active),
      trusted: new Map(rows.map(trustedEntry)),
      kids: rows.map(({ kid }) => kid),
    }
    const { kids } = this.#current
    if (before?.kids.some((kid) => !kids.includes(kid))) this.onDropped()
  }

  async #makeFirst(): Promise<void> {
    const { db, clock } = this.#options
    const rows = await readKeys(db)
    if (rows.some(({ state }) => state === 'active')) return
    const now = clock.now()
    const key = await makeKey(this.#options)
    await db
      .insertInto('signingKeys')
      .values({ ...key, state: 'active', createdAt: now, activatedAt: now })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }

  #signerOf({ kid, algorithm, sealedPrivate, kmsKeyId }: SigningKeyRow): JwsSigner {
    const { keyring, kms } = this.#options
    if (kmsKeyId) {
      const kmsAlgorithm = algorithm as KmsAlgorithm
      return { kid, algorithm, sign: (content) => kms.sign(kmsKeyId, kmsAlgorithm, content) }
    }
    const der = keyring.open(privateHalves.purpose, privateHalves.place(kid), sealedPrivate!)
    return ed25519Signer(kid, createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }))
  }
}

function trustedEntry(row: SigningKeyRow) {
  return [headerOf(row.algorithm, row.kid, TYPE), readJwk(publicJwkOf(row))] as const
}
