import { publicKeys } from '#identity/index.ts'
import type { Clock } from '#kernel/clock.ts'
import type { Context } from '#kernel/context.ts'
import type { Db } from '#kernel/db.ts'
import { Problem } from '#kernel/problem.ts'
import type { Logger } from '#kernel/log.ts'
import { readServiceToken, type TrustedKeys, trustKeys } from '#kernel/service-token.ts'
import {
  type Fleet,
  launchInstance,
  redeemToken,
  relayInstances,
  terminateInstance,
} from '#fleet/index.ts'
import { type RelayMachines, relayProblems, type RelaysParts } from '#relays/index.ts'
import type { TunnelParts } from '#tunnels/index.ts'
import type { Core } from './core.ts'
import { VERSION } from '../version.ts'

export interface RelayPartsOptions {
  tunnels: TunnelParts
  serviceToken: RelaysParts['serviceToken']
  fleet(): Fleet
}

/** What relays work with beside the API, and the keys that their relay there checks tokens with. */
export type OwnRelaysParts = RelaysParts & { keys: RelayKeys }

/** Keys change once in weeks, and are told before they sign. */
const KEYS_FOR_MS = 5_000
const CALL_AUDIENCE = 'relay-call'

/** What relays work with in a process that has the database. */
export function openRelayParts(
  core: Core,
  { tunnels, serviceToken, fleet }: RelayPartsOptions,
): OwnRelaysParts {
  const { db, clock, doorbell, draining: stopping } = core
  const log = core.log.category('relay')
  const keys = new RelayKeys(db, clock)
  return {
    ...{ version: VERSION, keys, doorbell, stopping, tunnels, serviceToken },
    publicKeys: () => publicKeys(db),
    subjectOf: async (token, audience) => {
      await keys.read()
      return readServiceToken(keys.trusted, token, audience, clock.now().getTime() / 1000)?.sub
    },
    reach: (row) => reach(row, serviceToken, log),
    machines: relayMachines(fleet),
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
  { id, internalUrl, fingerprint }: Parameters<RelaysParts['reach']>[0],
  serviceToken: RelaysParts['serviceToken'],
  log: Logger,
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

function relayMachines(fleet: () => Fleet): RelayMachines {
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
    there: relayInstances,
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
