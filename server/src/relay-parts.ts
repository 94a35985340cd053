import { publicKeys } from '#identity/index.ts'
import type { Clock } from '#kernel/clock.ts'
import type { Context } from '#kernel/context.ts'
import type { Db } from '#kernel/db.ts'
import type { Doorbell } from '#kernel/doorbell.ts'
import { Problem } from '#kernel/problem.ts'
import type { Logger } from '#kernel/log.ts'
import { readServiceToken, type TrustedKeys, trustKeys } from '#kernel/service-token.ts'
import { type Fleet, launchInstance, redeemToken, terminateInstance } from '#fleet/index.ts'
import { type RelayMachines, relayProblems, type RelaysParts } from '#relays/index.ts'
import type { TunnelParts } from '#tunnels/index.ts'
import { VERSION } from './version.ts'

export interface RelayPartsOptions {
  db: Db
  clock: Clock
  log: Logger
  doorbell: Doorbell
  stopping: AbortSignal
  tunnels: TunnelParts
  serviceToken(audience: string, subject: string): Promise<string>
  fleet(): Fleet
}

/** Keys change once in weeks, and are told before they sign. */
const KEYS_FOR_MS = 5_000
const CALL_AUDIENCE = 'relay-call'

/** What relays work with in a process that has the database. */
export function openRelayParts(options: RelayPartsOptions): RelaysParts & { keys: RelayKeys } {
  const { clock, doorbell, stopping, tunnels, serviceToken } = options
  const keys = new RelayKeys(options.db, clock)
  return {
    ...{ version: VERSION, keys, doorbell, stopping, tunnels, serviceToken },
    publicKeys: () => publicKeys(options.db),
    subjectOf: async (token, audience) => {
      await keys.read()
      return readServiceToken(keys.trusted, token, audience, clock.now().getTime() / 1000)?.sub
    },
    reach: (row) => reach(options, row),
    machines: relayMachines(options),
  }
}

/** The public keys of this installation, at most 5 s old once `read` has resolved. */
export class RelayKeys {
  trusted: TrustedKeys = new Map()
  readonly #db: Db
  readonly #clock: Clock
  #readAtMs = -Infinity

  constructor(db: Db, clock: Clock) {
    this.#db = db
    this.#clock = clock
  }

  async read(): Promise<void> {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#readAtMs < KEYS_FOR_MS) return
    this.trusted = trustKeys([...(await publicKeys(this.#db))])
    this.#readAtMs = nowMs
  }
}

/** Why a relay does not answer here; undefined when it does. */
async function reach(
  { log, serviceToken }: RelayPartsOptions,
  { id, internalUrl, fingerprint }: Parameters<RelaysParts['reach']>[0],
): Promise<string | undefined> {
  if (!internalUrl || !fingerprint) return 'it has told no address'
  const { RelayClient } = await import('#relays/host.ts')
  await using client = new RelayClient({
    ...{ peer: { relayId: id, internalUrl, fingerprint }, log },
    tokenFor: (relayId) => serviceToken(CALL_AUDIENCE, relayId),
  })
  try {
    await client.logs({ limit: 1 })
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function relayMachines({ fleet }: RelayPartsOptions): RelayMachines {
  return {
    refuses: (name) => {
      if (name === 'builtin' || name === 'joined') return 'it starts no machines'
      const provider = fleet().parts.providers.get(name)
      if (!provider) return 'it is not set up here'
      if (provider.kind === 'scaled') return 'its machines are all alike, and host browsers'
      return provider.refuses.launch
    },
    redeemToken: redeem,
    launch: async (ctx, provider) => {
      if (provider === 'builtin' || provider === 'joined') throw new Error('it starts no machines')
      const { id } = await launchInstance(ctx, fleet(), { provider }, 'relay')
      return { instanceId: id }
    },
    end: (ctx, instanceId) => endMachine(ctx, fleet(), instanceId),
  }
}

async function redeem(ctx: Context, token: string, fingerprint: string) {
  try {
    const { instanceId, createdAt } = await redeemToken(ctx, token, fingerprint)
    return { instanceId, madeAt: createdAt }
  } catch (error) {
    throw error instanceof Problem ? relayProblems.joinRefused() : error
  }
}

/** One that has ended, or is about to, is as it should be. */
async function endMachine(ctx: Context, fleet: Fleet, instanceId: string): Promise<void> {
  await terminateInstance(ctx, fleet, instanceId).catch((error: unknown) => {
    if (!(error instanceof Problem)) throw error
  })
}
