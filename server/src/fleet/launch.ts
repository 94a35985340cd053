import type { Context } from '#kernel/context.ts'
import { type Fleet, insertInstance } from './instance-changes.ts'
import type { FleetParts } from './parts.ts'
import { readPool } from './pool.ts'
import { presentInstance } from './present.ts'
import { problems } from './problems.ts'
import type { Provider, ProviderName } from './providers/provider.ts'
import { regionOf } from './regions.ts'
import type { Instance, LaunchInstance } from './schema.ts'

const IDLE_MINUTES = 30
const ALIKE = 'its machines are all alike, and host browsers'

/**
 * Asks for a machine and returns at once; a worker launches it. What is left open is, on EC2, as the acting user prefers it. Announces
 * `instance.requested`. A machine with the purpose `relay` carries tunnels and hosts no browsers.
 *
 * @throws problem `fleet.provider_missing`, `fleet.provider_refuses`, `fleet.unknown_region`, `fleet.too_many_instances` or
 *   `fleet.unknown_user`
 */
export async function launchInstance(
  ctx: Context,
  { parts, jobs }: Fleet,
  asked: LaunchInstance,
  purpose: 'manual' | 'relay' = 'manual',
): Promise<Instance> {
  const name = asked.provider ?? (await readPool(ctx)).settings.provider
  const provider = providerThatLaunches(parts, name, purpose)
  const input = await withPreferences(ctx, parts, provider, asked)
  const region = regionOf(provider, input.region)
  const { assignedToUserId: userId } = input
  const accountId = userId ? await parts.accountOf(ctx, userId) : undefined
  if (userId && !accountId) throw problems.unknownUser({ userId })
  const row = await ctx.transaction(async (ctx) => {
    const row = await insertInstance(ctx, name, purpose, {
      ...{ tags: input.tags ?? {}, spot: input.spot ?? false, region },
      instanceType: input.instanceType ?? null,
      ...(userId && { assignedToUserId: userId, assignedToAccountId: accountId! }),
      ...(input.terminateWhenIdle && {
        terminateAfterIdleMinutes: input.idleTimeoutMinutes ?? IDLE_MINUTES,
      }),
    })
    await ctx.remember(row.id)
    await ctx.jobs.send(jobs.launch, { id: row.id }, { uniqueKey: row.id })
    return row
  })
  return presentInstance(row, undefined)
}

/** A preferred region that is not there is passed over: nobody has asked for it now. */
async function withPreferences(
  ctx: Context,
  parts: FleetParts,
  { name, regions }: Provider,
  asked: LaunchInstance,
): Promise<LaunchInstance> {
  if (name !== 'ec2' || !('userId' in ctx.actor)) return asked
  const { preferredRegion, ...preferred } = await parts.preferencesOf(ctx, ctx.actor.userId)
  const isThere = preferredRegion !== undefined && regions?.includes(preferredRegion)
  if (isThere) return { ...preferred, region: preferredRegion, ...asked }
  if (preferredRegion && !asked.region) {
    ctx.log.info({ region: preferredRegion, regions }, 'preferred region is not configured')
  }
  return { ...preferred, ...asked }
}

/** @throws problem `fleet.provider_missing` */
export function providerOf(parts: FleetParts, name: ProviderName): Provider {
  const provider = parts.providers.get(name)
  if (!provider) throw problems.providerMissing({ provider: name })
  return provider
}

function providerThatLaunches(
  parts: FleetParts,
  name: ProviderName,
  purpose: 'manual' | 'relay',
): Provider {
  const provider = providerOf(parts, name)
  const isAlike = purpose === 'relay' && provider.kind === 'scaled'
  const reason = isAlike ? ALIKE : provider.refuses.launch
  if (reason) throw problems.providerRefuses({ provider: name, action: 'launch', reason })
  return provider
}
