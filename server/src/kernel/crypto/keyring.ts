import { createHmac } from 'node:crypto'
import { UnsealFailed } from './cipher.ts'
import { keyIdOf, openRecord, type Place, rewrapRecord, sealRecord } from './record.ts'
import { expand, SealingKey } from './sealing-key.ts'

/** What the keys of this installation can do. A purpose is a name in the code, never what a caller sent. */
export interface Keyring {
  /** 32 bytes that only this purpose has (HKDF-SHA-256). They stay the same when sealing keys change. */
  derive(purpose: string): Buffer
  /** Encrypts for one place: `aad` names it (table, row id, column), so that a record moved elsewhere does not open. */
  seal(purpose: string, aad: readonly string[], plaintext: Uint8Array): Buffer
  /** @throws UnsealFailed when key, purpose, place, version or a single bit is not the one that was sealed. */
  open(purpose: string, aad: readonly string[], sealed: Uint8Array): Buffer
  /** The record under the key that seals now. @throws UnsealFailed as `open` does */
  reseal(purpose: string, aad: readonly string[], sealed: Uint8Array): Buffer
  /** HMAC-SHA-256 of the text under the purpose's key. */
  mac(purpose: string, text: string): Buffer
}

/** A record, or what is to be sealed, needs a key that this process does not have. */
export class SealingKeyMissing extends UnsealFailed {
  readonly keyId: string

  constructor(keyId: string) {
    super(
      `The sealing key ${keyId} is not known here: put back \`keys/kek-${keyId}.key\` (the first one is \`keys/master.key\`) ` +
        'from the machine that made it or from a backup, or let KMS open it again.',
    )
    this.name = 'SealingKeyMissing'
    this.keyId = keyId
  }
}

/** The keys that a keyring works with at this moment. */
export interface Keys {
  /** What `derive` and `mac` hang on; never changes. */
  readonly root: Uint8Array
  /** Of the key that seals. */
  readonly activeId: string
  readonly known: ReadonlyMap<string, SealingKey>
}

/**
 * A keyring over keys that may change meanwhile.
 *
 * @param failed told of each record that does not open; it must neither wait nor throw
 */
export function keyringOver(
  keys: () => Keys,
  failed: (purpose: string, at: readonly string[]) => void = () => {},
): Keyring {
  const derived = new Map<string, Buffer>()
  const derive = (purpose: string): Buffer => {
    const known = derived.get(purpose)
    if (known) return known
    const key = expand(keys().root, `purpose:${purpose}`)
    derived.set(purpose, key)
    return key
  }
  const find = (id: string): SealingKey => {
    const key = keys().known.get(id)
    if (!key) throw new SealingKeyMissing(id)
    return key
  }
  const telling = (place: Place, work: () => Buffer): Buffer => {
    try {
      return work()
    } catch (error) {
      if (error instanceof UnsealFailed) failed(place.purpose, place.at)
      throw error
    }
  }
  return {
    derive: (purpose) => Buffer.from(derive(purpose)),
    mac: (purpose, text) => createHmac('sha256', derive(purpose)).update(text).digest(),
    seal: (purpose, at, plaintext) => sealRecord(find(keys().activeId), { purpose, at }, plaintext),
    open: (purpose, at, sealed) =>
      telling({ purpose, at }, () => {
        const record = Buffer.from(sealed)
        return openRecord(find(keyIdOf(record)), { purpose, at }, record)
      }),
    reseal: (purpose, at, sealed) =>
      telling({ purpose, at }, () => {
        const record = Buffer.from(sealed)
        const [from, to] = [find(keyIdOf(record)), find(keys().activeId)]
        return rewrapRecord(from, to, { purpose, at }, record)
      }),
  }
}

/** A keyring of one key that is everything. */
export function makeKeyring(masterKey: Uint8Array): Keyring {
  const key = new SealingKey(masterKey)
  const keys = { root: masterKey, activeId: key.id, known: new Map([[key.id, key]]) }
  return keyringOver(() => keys)
}
