import { randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Certificates } from '#kernel/certificates.ts'
import type { Context } from '#kernel/context.ts'
import type { Home } from '#kernel/home.ts'
import { Ticker } from '#kernel/ticker.ts'
import {
  beat,
  ensureBuiltin,
  localControl,
  leave,
  openToPeers,
  type RelayRow,
} from '#relays/index.ts'
import type { Relay } from '#relays/host.ts'
import type { Core } from '../parts/core.ts'
import { RelayHost } from './relay-host.ts'
import type { OwnRelaysParts } from '../parts/relays.ts'
import { VERSION } from '../version.ts'

export interface RelayDeskOptions {
  core: Core
  parts: OwnRelaysParts
  certificates?: Certificates | undefined
  /** Whether machines beside this one host browsers, which may come for tunnels. */
  hasOtherMachines(): boolean
}

const BEAT_EVERY_MS = 5_000

/** The relay of a process of the API: it asks the database by itself, and beats like every other relay, without a credential. */
export class RelayDesk implements AsyncDisposable {
  readonly #options: RelayDeskOptions
  readonly #context: Context
  readonly #row: RelayRow
  readonly #host: RelayHost
  readonly #beating: Ticker
  /** Where agents dial it; known once the process listens. */
  #url: string | undefined

  static async open(options: RelayDeskOptions): Promise<RelayDesk> {
    const { core, parts, certificates } = options
    const { config, home, log, clock } = core
    const context = core.systemContext()
    const id = await relayId(home)
    await parts.keys.read()
    const row = await ensureBuiltin(context, { id, name: hostname(), version: VERSION })
    const control = localControl(context, parts, row)
    const keys = () => parts.keys.trusted
    const host = await RelayHost.open({
      ...{ config, home, log, clock, id, control, keys, certificates },
    })
    return new RelayDesk(options, context, row, host)
  }

  private constructor(options: RelayDeskOptions, context: Context, row: RelayRow, host: RelayHost) {
    this.#options = options
    this.#context = context
    this.#row = row
    this.#host = host
    const log = options.core.log.category('relay')
    const work = () => this.#beat()
    this.#beating = new Ticker({ name: 'beat of the relay', everyMs: BEAT_EVERY_MS, log, work })
  }

  get id(): string {
    return this.#row.id
  }

  get relay(): Relay {
    return this.#host.relay
  }

  /** From now on agents are sent here. */
  start(url: string): void {
    this.#url = this.#options.core.config.RELAY_URL ?? url
    this.#beating.start()
  }

  /** Its agents go to other relays, and what is under way ends, as far as there is time. */
  async stop(signal: AbortSignal): Promise<void> {
    await this.#beating[Symbol.asyncDispose]()
    await this.#host.drain(signal)
    const sequence = this.#host.reporter.nextSequence()
    await leave(this.#context, this.#options.parts, this.#row, sequence)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#beating[Symbol.asyncDispose]()
    await this.#host[Symbol.asyncDispose]()
  }

  async #beat(): Promise<void> {
    const { parts } = this.#options
    await parts.keys.read()
    await this.#host.look()
    const { reporter } = this.#host
    const told = {
      ...reporter.compose(),
      ...(this.#url && { url: this.#url }),
    }
    const answer = await beat(this.#context, parts, this.#row, told)
    reporter.took(told, answer)
    const isWanted = answer.peers > 0 || this.#options.hasOtherMachines()
    if (isWanted && !this.#host.internalUrl) await this.#letPeersIn()
  }

  /** Where it is alone, nobody needs another port and a certificate. */
  async #letPeersIn(): Promise<void> {
    const { core, parts } = this.#options
    const { fingerprint } = await this.#host.letPeersIn(core.config.RELAY_INTERNAL_PORT)
    const internalUrl = this.#host.internalUrl!
    await openToPeers(this.#context, parts, this.#row, { internalUrl, fingerprint })
  }
}

/** The same for all processes that ever serve this data directory. */
async function relayId(home: Home): Promise<string> {
  const file = join(home.keys, 'relay-id')
  const kept = await readFile(file, 'utf8').catch(() => '')
  if (/^rel_\w{1,60}$/.test(kept)) return kept
  const id = `rel_${randomUUID().replaceAll('-', '')}`
  await writeFile(file, id, { mode: 0o600, flush: true })
  return id
}
