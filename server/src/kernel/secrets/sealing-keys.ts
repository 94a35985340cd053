import { randomBytes } from 'node:crypto'
import type { Selectable } from 'kysely'
import type { Clock } from '../clock.ts'
import { type Keyring, keyringOver, type Keys, SealingKeyMissing } from '../crypto/keyring.ts'
import { SealingKey } from '../crypto/sealing-key.ts'
import type { Db } from '../db.ts'
import type { Logger } from '../log.ts'
import type { SealingKeyTable } from '../tables.ts'
import { Ticker } from '../ticker.ts'
import { ensureMasterKey, type KeyFile, MASTER_KEY_FILE, readKeyFiles } from './key-files.ts'
import type { Kms } from './kms.ts'
import type { SealedColumn } from './sealed-column.ts'

export interface SealingKeysOptions {
  db: Db
  clock: Clock
  /** Where key files are. */
  directory: string
  kms: Kms
  /** New keys come from this key of KMS; from files without it. */
  kmsKeyId?: string
  log: Logger
}

export type SealingKeyRow = Selectable<SealingKeyTable>

const REFRESH_MS = 5_000
const ROOT_BYTES = 32

/** Where the root secret is, for the job that seals anew. */
export const rootColumn: SealedColumn = {
  ...{ table: 'root_secret', id: 'id', column: 'sealed', purpose: 'root secret' },
  place: (id) => ['root_secret', id, 'sealed'],
}

/**
 * The sealing keys of one process: read from files or opened by KMS at start, and followed every 5 s, so that a key which another
 * process added is known here before it seals.
 */
export class SealingKeys implements AsyncDisposable {
  /** Told of each record that does not open; it must neither wait nor throw. */
  onFailure: (purpose: string, at: readonly string[]) => void = () => {}
  readonly keyring: Keyring = keyringOver(
    () => this.#keys,
    (purpose, at) => this.onFailure(purpose, at),
  )
  readonly options: SealingKeysOptions
  readonly #following: Ticker
  #keys: Keys = { root: Buffer.alloc(0), activeId: '', known: new Map() }
  /** What the last look found wrong; a key that is lacking shows up here before it is needed. */
  #trouble: string | undefined
  #read: Promise<void> = Promise.resolve()

  /**
   * Makes the first key where there is none.
   *
   * @throws Error that names the key which this machine lacks, or says that KMS does not open it
   */
  static async open(options: SealingKeysOptions): Promise<SealingKeys> {
    const keys = new SealingKeys(options)
    await keys.#makeFirst()
    await keys.refresh()
    await keys.#openRoot()
    keys.#following.start()
    return keys
  }

  private constructor(options: SealingKeysOptions) {
    this.options = options
    const { log } = options
    const work = () => this.refresh()
    this.#following = new Ticker({
      name: 'follow the sealing keys',
      everyMs: REFRESH_MS,
      log,
      work,
    })
  }

  get activeId(): string {
    return this.#keys.activeId
  }

  get trouble(): string | undefined {
    return this.#trouble
  }

  /** Whether this process can seal and open with the key. */
  knows(id: string): boolean {
    return this.#keys.known.has(id)
  }

  /**
   * Takes up what changed. What cannot be opened is left out, so that nothing is sealed or opened with it.
   *
   * @throws the first such failure, but for a key that has sealed nothing yet
   */
  refresh(): Promise<void> {
    // One after the other: what was read earlier must not take the place of what was read later.
    const read = this.#read.then(() => this.#refresh())
    this.#read = read.catch(() => undefined)
    return read
  }

  /** Those that may still open something. */
  rows(): Promise<SealingKeyRow[]> {
    return this.options.db
      .selectFrom('sealingKeys')
      .selectAll()
      .where('state', '<>', 'retired')
      .orderBy('createdAt')
      .execute()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#following[Symbol.asyncDispose]()
  }

  async #refresh(): Promise<void> {
    const rows = await this.rows()
    const known = new Map<string, SealingKey>()
    const failures: Error[] = []
    const isFileWanted = rows.some((row) => row.source === 'file' && !this.knows(row.id))
    let files: KeyFile[] = []
    let unreadable: Error | undefined
    if (isFileWanted) files = await this.#files().catch((error) => ((unreadable = error), []))
    let needed: Error | undefined
    for (const row of rows) {
      try {
        known.set(row.id, this.#keys.known.get(row.id) ?? (await this.#load(row, files)))
      } catch (error) {
        const failure = unreadable ?? (error as Error)
        failures.push(failure)
        if (row.state !== 'next') needed ??= failure
      }
    }
    const activeId = rows.find(({ state }) => state === 'active')?.id ?? ''
    this.#keys = { ...this.#keys, activeId, known }
    this.#trouble = failures[0]?.message
    if (needed) throw needed
  }

  #files(): Promise<KeyFile[]> {
    return readKeyFiles(this.options.directory)
  }

  /** @throws SealingKeyMissing or KmsFailure */
  async #load(row: SealingKeyRow, files: readonly KeyFile[]): Promise<SealingKey> {
    if (row.source === 'file') {
      const file = files.find(({ key }) => key.id === row.id)
      if (!file) throw new SealingKeyMissing(row.id)
      return file.key
    }
    const key = new SealingKey(await this.options.kms.openKey(row.kmsKeyId!, row.wrapped!))
    if (key.id !== row.id) throw new SealingKeyMissing(row.id)
    return key
  }

  /** Data from before sealing keys could change hangs on `master.key`, which then is the first; so does an installation without KMS. */
  async #makeFirst(): Promise<void> {
    if ((await this.#count()) > 0) return
    const { db, clock, directory, kms, kmsKeyId } = this.options
    const { origin } = await db.selectFrom('rootSecret').select('origin').executeTakeFirstOrThrow()
    const hasMaster = (await this.#files()).some(({ name }) => name === MASTER_KEY_FILE)
    if (origin === 'master key' && !hasMaster) throw new MasterKeyMissing(directory)
    const now = clock.now()
    const values = { state: 'active', createdAt: now, activatedAt: now } as const
    const made =
      kmsKeyId && !hasMaster
        ? await newKmsKey(kms, kmsKeyId)
        : { ...inFile((await ensureMasterKey(directory)).key), ...values }
    // Of several processes that start at once, one is first.
    await db
      .insertInto('sealingKeys')
      .values({ ...made, ...values })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }

  async #count(): Promise<number> {
    const { count } = await this.options.db
      .selectFrom('sealingKeys')
      .select(({ fn }) => fn.countAll<string>().as('count'))
      .executeTakeFirstOrThrow()
    return Number(count)
  }

  async #openRoot(): Promise<void> {
    const { db } = this.options
    const { purpose } = rootColumn
    const row = await db.selectFrom('rootSecret').selectAll().executeTakeFirstOrThrow()
    const place = rootColumn.place(row.id)
    if (row.sealed) {
      this.#keys = { ...this.#keys, root: this.keyring.open(purpose, place, row.sealed) }
      return
    }
    const root = row.origin === 'random' ? randomBytes(ROOT_BYTES) : await this.#masterBytes()
    await db
      .updateTable('rootSecret')
      .set({ sealed: this.keyring.seal(purpose, place, root) })
      .where('sealed', 'is', null)
      .execute()
    return this.#openRoot()
  }

  async #masterBytes(): Promise<Buffer> {
    const master = (await this.#files()).find(({ name }) => name === MASTER_KEY_FILE)
    if (!master) throw new MasterKeyMissing(this.options.directory)
    return master.bytes
  }
}

class MasterKeyMissing extends Error {
  constructor(directory: string) {
    super(
      `The database was sealed with a master key that is not in ${directory}: ` +
        'put back the file `keys/master.key` that belongs to this database.',
    )
    this.name = 'MasterKeyMissing'
  }
}

/** What is kept of a key in a file. */
export function inFile({ id }: SealingKey) {
  return { id, source: 'file' as const, wrapped: null, kmsKeyId: null }
}

/** A new key, and what is kept of it. @throws KmsFailure */
export async function newKmsKey(kms: Kms, kmsKeyId: string) {
  const { bytes, wrapped } = await kms.makeKey(kmsKeyId)
  const { id } = new SealingKey(bytes)
  bytes.fill(0)
  return { id, source: 'kms' as const, wrapped, kmsKeyId }
}
