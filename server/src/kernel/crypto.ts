import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  hkdfSync,
  randomBytes,
  timingSafeEqual,
} from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, link, open, unlink } from 'node:fs/promises'
import { join } from 'node:path'

/** Says no more than that: what was wrong would help a forger only. */
export class UnsealFailed extends Error {
  constructor() {
    super('A sealed record could not be opened with this master key for this place')
    this.name = 'UnsealFailed'
  }
}

/** What the master key of this installation can do. A purpose is a name in the code, never what a caller sent. */
export interface Keyring {
  /** 32 bytes that only this purpose has (HKDF-SHA-256). */
  derive(purpose: string): Buffer
  /** Encrypts for one place: `aad` names it (table, row id, column), so that a record moved elsewhere does not open. */
  seal(purpose: string, aad: readonly string[], plaintext: Uint8Array): Buffer
  /** @throws UnsealFailed when key, purpose, place, version or a single bit is not the one that was sealed. */
  open(purpose: string, aad: readonly string[], sealed: Uint8Array): Buffer
  /** HMAC-SHA-256 of the text under the purpose's key. */
  mac(purpose: string, text: string): Buffer
}

const MASTER_KEY_BYTES = 32
const MASTER_KEY_FILE = 'master.key'
// A record is: version (1 byte), key id (8), nonce (12), tag (16), ciphertext.
const VERSION = 1
const KEY_ID_BYTES = 8
const NONCE_BYTES = 12
const TAG_BYTES = 16
const NONCE_AT = 1 + KEY_ID_BYTES
const TAG_AT = NONCE_AT + NONCE_BYTES
const TEXT_AT = TAG_AT + TAG_BYTES

export function makeKeyring(masterKey: Uint8Array): Keyring {
  if (masterKey.length !== MASTER_KEY_BYTES) {
    throw new Error(`a master key has ${MASTER_KEY_BYTES} bytes, this one has ${masterKey.length}`)
  }
  const derived = new Map<string, Buffer>()
  const derive = (purpose: string): Buffer => {
    const known = derived.get(purpose)
    if (known) return known
    const key = expand(masterKey, `purpose:${purpose}`, MASTER_KEY_BYTES)
    derived.set(purpose, key)
    return key
  }
  const header = Buffer.concat([Buffer.of(VERSION), expand(masterKey, 'key-id', KEY_ID_BYTES)])
  return {
    derive: (purpose) => Buffer.from(derive(purpose)),
    seal: (purpose, aad, plaintext) => seal(derive(purpose), header, aad, plaintext),
    open: (purpose, aad, sealed) => unseal(derive(purpose), header, aad, sealed),
    mac: (purpose, text) => createHmac('sha256', derive(purpose)).update(text).digest(),
  }
}

function expand(masterKey: Uint8Array, info: string, bytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', masterKey, 'gantry', info, bytes))
}

function seal(key: Buffer, header: Buffer, aad: readonly string[], plaintext: Uint8Array): Buffer {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(frame(header, aad))
  const text = Buffer.concat([cipher.update(plaintext), cipher.final()])
  return Buffer.concat([header, nonce, cipher.getAuthTag(), text])
}

function unseal(key: Buffer, header: Buffer, aad: readonly string[], sealed: Uint8Array): Buffer {
  const record = Buffer.from(sealed)
  if (record.length < TEXT_AT || !record.subarray(0, NONCE_AT).equals(header)) {
    throw new UnsealFailed()
  }
  const nonce = record.subarray(NONCE_AT, TAG_AT)
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(frame(header, aad))
  decipher.setAuthTag(record.subarray(TAG_AT, TEXT_AT))
  const text = decipher.update(record.subarray(TEXT_AT))
  try {
    return Buffer.concat([text, decipher.final()])
  } catch {
    throw new UnsealFailed()
  }
}

/** Each part behind its length, so that no two lists of parts give the same bytes. */
function frame(header: Buffer, aad: readonly string[]): Buffer {
  const parts = aad.flatMap((part) => {
    const bytes = Buffer.from(part)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    return [length, bytes]
  })
  return Buffer.concat([header, ...parts])
}

export function sha256(content: string | Uint8Array): Buffer {
  return createHash('sha256').update(content).digest()
}

/** Compares in a time that does not tell where they differ. Digests of unequal length differ. */
export function equalDigests(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b)
}

/**
 * Opens the master key of this installation, `master.key` in `keysDirectory`; made at the first start, by one of several
 * processes that start at once. Without it nothing that was sealed can be read again.
 *
 * @throws Error that says what to do when others may read the file or it is not a key.
 */
export async function openKeyring(keysDirectory: string): Promise<Keyring> {
  const path = join(keysDirectory, MASTER_KEY_FILE)
  const kept = await readKey(path)
  if (kept) return makeKeyring(kept)
  await makeKey(keysDirectory, path)
  return makeKeyring((await readKey(path))!)
}

async function readKey(path: string): Promise<Buffer | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error) => {
    if (error.code === 'ENOENT') return undefined
    throw new Error(`The master key ${path} cannot be read: ${error.message}`, { cause: error })
  })
  if (!file) return undefined
  try {
    const { mode } = await file.stat()
    if (mode & 0o077) {
      throw new Error(`The master key ${path} is open to other users: run \`chmod 600 ${path}\`.`)
    }
    return await readWhole(file, path)
  } finally {
    await file.close()
  }
}

async function readWhole(file: FileHandle, path: string): Promise<Buffer> {
  // One byte more than a key has tells a longer file from a key.
  const { buffer, bytesRead } = await file.read(Buffer.alloc(MASTER_KEY_BYTES + 1), 0)
  if (bytesRead !== MASTER_KEY_BYTES) {
    throw new Error(
      `The master key ${path} is not ${MASTER_KEY_BYTES} bytes long: put back the file that belongs to this data.`,
    )
  }
  return buffer.subarray(0, MASTER_KEY_BYTES)
}

/** A whole key under another name first, then `link`, which fails when the name is taken: nobody ever sees half a key. */
async function makeKey(directory: string, path: string): Promise<void> {
  const draft = `${path}.${randomBytes(8).toString('hex')}`
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.writeFile(randomBytes(MASTER_KEY_BYTES))
    await file.sync()
    await link(draft, path).catch((error) => {
      if (error.code !== 'EEXIST') throw error
    })
  } finally {
    await file.close()
    await unlink(draft)
  }
  await syncDirectory(directory)
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
