import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from '#kernel/log.ts'
import type { LeftPart } from '../evidence/sink.ts'

export interface LeftPartsOptions {
  directory: string
  log: Logger
  /** Of all recordings together. */
  maxBytes?: number
}

const MAX_BYTES = 256 * 1024 * 1024
const NAME = /^(\w{1,64})\.([a-z]+-\d{6}(?:\.[a-z]+)+)$/

/** Parts of recordings that their store did not take before the end of the session, as files. */
export class LeftParts {
  readonly #options: LeftPartsOptions
  /** By recording, the names of its parts and their sizes. */
  readonly #sizes = new Map<string, Map<string, number>>()

  constructor(options: LeftPartsOptions) {
    this.#options = options
  }

  static isOne(fileName: string): boolean {
    return NAME.test(fileName)
  }

  /** Takes over what an earlier process has left of these recordings, and removes the rest. */
  async recall(wanted: ReadonlySet<string>): Promise<void> {
    const { directory } = this.#options
    for (const fileName of await readdir(directory)) {
      const [, id = '', name = ''] = NAME.exec(fileName) ?? []
      if (!id) continue
      const path = join(directory, fileName)
      if (wanted.has(id)) this.#partsOf(id).set(name, (await stat(path)).size)
      else await rm(path, { force: true })
    }
  }

  /** All of them, or none: false where there is no room. */
  async keep(id: string, parts: readonly LeftPart[]): Promise<boolean> {
    const { log, maxBytes = MAX_BYTES } = this.#options
    const wanted = parts.reduce((sum, { bytes }) => sum + bytes.length, 0)
    if (this.#bytes() + wanted > maxBytes) return false
    const sizes = this.#partsOf(id)
    for (const { name, bytes } of parts) sizes.set(name, bytes.length)
    try {
      for (const { name, bytes } of parts)
        await writeFile(this.#file(id, name), bytes, { mode: 0o600 })
      return true
    } catch (error) {
      log.warn({ err: error, session: id }, 'the end of a recording could not be kept')
      await this.forget(id)
      return false
    }
  }

  /** In the order in which they were recorded, as far as their kind goes. */
  namesOf(id: string): string[] {
    return [...(this.#sizes.get(id)?.keys() ?? [])].toSorted()
  }

  read(id: string, name: string): Promise<Buffer> {
    return readFile(this.#file(id, name))
  }

  async forget(id: string): Promise<void> {
    for (const name of this.namesOf(id)) await rm(this.#file(id, name), { force: true })
    this.#sizes.delete(id)
  }

  #partsOf(id: string): Map<string, number> {
    const sizes = this.#sizes.get(id) ?? new Map<string, number>()
    this.#sizes.set(id, sizes)
    return sizes
  }

  #bytes(): number {
    const all = [...this.#sizes.values()].flatMap((sizes) => [...sizes.values()])
    return all.reduce((sum, bytes) => sum + bytes, 0)
  }

  #file(id: string, name: string): string {
    return join(this.#options.directory, `${id}.${name}`)
  }
}
