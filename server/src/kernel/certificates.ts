import { createPrivateKey, X509Certificate } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import type { Server } from 'node:http'
import { join } from 'node:path'
import { createSecureContext, type SecureContext, type Server as TlsServer } from 'node:tls'
import type { Config } from './config.ts'
import type { Logger } from './log.ts'
import { Ticker } from './ticker.ts'

/** A chain in PEM and its key. */
interface Pair {
  cert: string
  key: string
}

interface Certificate {
  /** Of the files that it was read from: it changes with them. */
  mark: string
  pem: { cert: Buffer; key: Buffer }
  context: SecureContext
  /** Host names in lower case, also `*.example.com`. */
  names: string[]
  expiresAtMs: number
}

type Names = Pick<Config, 'TLS_CERT_FILE' | 'TLS_KEY_FILE' | 'TLS_CERT_DIR'>

const LOOK_EVERY_MS = 10_000
const MOST_IN_DIRECTORY = 2_000
const MIN_VERSION = 'TLSv1.2'

/**
 * The certificates that clients see: the one of `TLS_CERT_FILE`, and those of `TLS_CERT_DIR` for the names that they are for. What an
 * ACME client renews, adds or removes is followed without a restart; connections that are open stay.
 */
export class Certificates implements AsyncDisposable {
  readonly #default: Pair
  readonly #directory: string | undefined
  readonly #log: Logger
  readonly #looking: Ticker
  readonly #servers = new Set<TlsServer>()
  /** One look after the other. */
  #looked = Promise.resolve()
  #pairs: Pair[] = []
  /** By the path of the chain. */
  #read = new Map<string, Certificate>()
  #byName = new Map<string, SecureContext>()
  /** Marks of what could not be used and was told of. */
  readonly #told = new Map<string, string>()

  /** @throws Error that says what is wrong with `TLS_CERT_FILE`; undefined where none is set */
  static async open(config: Names, log: Logger): Promise<Certificates | undefined> {
    const { TLS_CERT_FILE: cert, TLS_KEY_FILE: key, TLS_CERT_DIR: directory } = config
    if (!cert || !key) return undefined
    const certificates = new Certificates({ cert, key }, directory, log)
    await certificates.#readDefault()
    await certificates.look()
    certificates.#looking.start()
    return certificates
  }

  private constructor(pair: Pair, directory: string | undefined, log: Logger) {
    this.#default = pair
    this.#directory = directory
    this.#log = log
    const work = () => this.look()
    this.#looking = new Ticker({ name: 'certificates', everyMs: LOOK_EVERY_MS, log, work })
  }

  /** For a TLS server, which is then given to `serve`. */
  get options() {
    return {
      ...this.#current.pem,
      SNICallback: (name: string, answer: (error: Error | null, context?: SecureContext) => void) =>
        answer(null, this.#contextFor(name.toLowerCase())),
    }
  }

  /** When the one of `TLS_CERT_FILE` does not count any more. */
  get expiresAt(): Date {
    return new Date(this.#current.expiresAtMs)
  }

  /** Clients that name no host see the one of `TLS_CERT_FILE`, renewed too. */
  serve(server: Server): void {
    const tls = server as unknown as TlsServer
    this.#servers.add(tls)
    server.once('close', () => this.#servers.delete(tls))
  }

  /** Reads what has changed. A pair that does not fit, as between two writes of a renewal, leaves the earlier one in use. */
  look(): Promise<void> {
    this.#looked = this.#looked.then(() => this.#readChanged())
    return this.#looked
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#looking[Symbol.asyncDispose]()
  }

  async #readChanged(): Promise<void> {
    const pairs = [this.#default, ...(await this.#pairsInDirectory())]
    const read = new Map<string, Certificate>()
    const before = this.#current
    for (const pair of pairs) {
      const certificate = await this.#refresh(pair)
      if (certificate) read.set(pair.cert, certificate)
    }
    this.#read = read
    this.#byName = indexed([...read.values()])
    if (this.#current === before) return
    for (const server of this.#servers) {
      server.setSecureContext({ ...this.#current.pem, minVersion: MIN_VERSION })
    }
  }

  get #current(): Certificate {
    return this.#read.get(this.#default.cert)!
  }

  #contextFor(name: string): SecureContext {
    const parent = name.slice(name.indexOf('.') + 1)
    return this.#byName.get(name) ?? this.#byName.get(`*.${parent}`) ?? this.#current.context
  }

  async #readDefault(): Promise<void> {
    const { cert } = this.#default
    try {
      this.#read.set(cert, await readCertificate(this.#default, await markOf(this.#default)))
    } catch (error) {
      const why = (error as Error).message
      throw new Error(`TLS_CERT_FILE is '${cert}': it cannot be used: ${why}`, { cause: error })
    }
  }

  async #refresh(pair: Pair): Promise<Certificate | undefined> {
    const before = this.#read.get(pair.cert)
    let mark = ''
    try {
      mark = await markOf(pair)
      if (before?.mark === mark) return before
      const certificate = await readCertificate(pair, mark)
      const { names, expiresAtMs } = certificate
      const facts = { file: pair.cert, names, expiresAt: new Date(expiresAtMs).toISOString() }
      this.#log.info(facts, before ? 'certificate renewed' : 'certificate taken')
      this.#told.delete(pair.cert)
      return certificate
    } catch (error) {
      this.#tell(pair.cert, mark, error as Error)
      return before
    }
  }

  /** Once for what the files hold. */
  #tell(file: string, mark: string, { message: why }: Error): void {
    if (this.#told.get(file) === mark) return
    this.#told.set(file, mark)
    this.#log.warn({ file, why }, 'certificate cannot be used: the earlier one stays, if any')
  }

  /** Those of a moment ago while the directory cannot be read. */
  async #pairsInDirectory(): Promise<Pair[]> {
    const directory = this.#directory
    if (directory === undefined) return []
    try {
      this.#pairs = await pairsIn(directory)
    } catch (error) {
      this.#tell(directory, '', error as Error)
      return this.#pairs
    }
    const known = new Set([this.#default.cert, ...this.#pairs.map(({ cert }) => cert)])
    for (const file of this.#told.keys()) if (!known.has(file)) this.#told.delete(file)
    return this.#pairs
  }
}

/** `NAME/fullchain.pem` with `NAME/privkey.pem`, as certbot has them, and `NAME.crt` with `NAME.key`, as lego has them. */
async function pairsIn(directory: string): Promise<Pair[]> {
  const entries = await readdir(directory, { withFileTypes: true })
  const pairs = entries.flatMap((entry): Pair[] => {
    const path = join(directory, entry.name)
    // Beside a chain, lego keeps that of the issuer alone.
    if (path.endsWith('.crt') && !path.endsWith('.issuer.crt')) {
      return [{ cert: path, key: `${path.slice(0, -'.crt'.length)}.key` }]
    }
    if (entry.isFile()) return []
    return [{ cert: join(path, 'fullchain.pem'), key: join(path, 'privkey.pem') }]
  })
  const there = pairs.filter(({ cert }) => existsSync(cert))
  return there
    .toSorted((one, other) => (one.cert < other.cert ? -1 : 1))
    .slice(0, MOST_IN_DIRECTORY)
}

async function markOf({ cert, key }: Pair): Promise<string> {
  const found = await Promise.all([stat(cert), stat(key)])
  return found.map(({ ino, size, mtimeMs }) => `${ino} ${size} ${mtimeMs}`).join(' ')
}

/** @throws Error that says why it is none */
async function readCertificate(pair: Pair, mark: string): Promise<Certificate> {
  const [cert, key] = await Promise.all([readFile(pair.cert), readFile(pair.key)])
  const first = new X509Certificate(cert)
  if (!first.checkPrivateKey(createPrivateKey(key))) {
    throw new Error(`${pair.key} is not the key of it`)
  }
  return {
    mark,
    pem: { cert, key },
    context: createSecureContext({ cert, key, minVersion: MIN_VERSION }),
    names: namesOf(first),
    expiresAtMs: first.validToDate.getTime(),
  }
}

/** https://nodejs.org/api/crypto.html#x509subjectaltname: `DNS:one.example, DNS:*.two.example, IP Address:192.0.2.1`. */
function namesOf({ subjectAltName = '' }: X509Certificate): string[] {
  return subjectAltName
    .split(', ')
    .flatMap((entry) => (entry.startsWith('DNS:') ? [entry.slice(4).toLowerCase()] : []))
}

/** Of two for one name, the one that lasts longer. */
function indexed(certificates: Certificate[]): Map<string, SecureContext> {
  const byEnd = certificates.toSorted((one, other) => one.expiresAtMs - other.expiresAtMs)
  return new Map(byEnd.flatMap(({ names, context }) => names.map((name) => [name, context])))
}
