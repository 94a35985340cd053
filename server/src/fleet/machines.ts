import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import type { FleetJobs } from './job-kinds.ts'
import { adopted, launched } from './events.ts'
import { endRow, namesOf } from './machine-end.ts'
import type { Listing, Machine, Provider, ProviderName } from './providers/provider.ts'
import type { InstanceRow } from './tables.ts'

/** A list may be behind what was just launched; a machine that is missing for so long is no more. */
const MISSING_MS = 60_000
const MOST = 10_000

/** Rows of one provider that have not ended. */
export function rowsOf(ctx: Context, provider: ProviderName): Promise<InstanceRow[]> {
  return ctx.db
    .selectFrom('fleetInstances')
    .selectAll()
    .where('provider', '=', provider)
    .where('status', '<>', 'terminated')
    .orderBy('createdAt')
    .limit(MOST)
    .execute()
}

/**
 * Brings the rows of a provider in line with what it lists: what has ended is ended, what runs and is unknown is adopted, and addresses
 * and health are kept. A region that was not heard keeps its machines as they are. Returns our machines that run although their rows
 * have ended. `listedAt` is when the list was asked for.
 */
export async function syncMachines(
  ctx: Context,
  jobs: Pick<FleetJobs, 'endSessions'>,
  provider: Provider,
  { machines, heard }: Pick<Listing, 'machines' | 'heard'>,
  listedAt: Date,
): Promise<Machine[]> {
  const there = machines.filter(({ state }) => state !== 'gone')
  const listed = new Set(there.map(({ providerId }) => providerId))
  const gone = new Set(machines.flatMap((one) => (one.state === 'gone' ? [one.providerId] : [])))
  const rows = await rowsOf(ctx, provider.name)
  const beating = await beatingOf(ctx, provider.name)
  for (const row of rows) {
    if (!row.managed || !row.providerId || listed.has(row.providerId)) continue
    if (heard && !heard.includes(row.region ?? '')) continue
    if (gone.has(row.providerId) || provider.kind === 'scaled') await endRow(ctx, jobs, row)
    else if (!beating.has(row.id)) await noteMissing(ctx, jobs, row, listedAt)
  }
  const undead: Machine[] = []
  for (const machine of there) {
    const isKept = await keepMachine(ctx, provider, machine, rows)
    if (!isKept) undead.push(machine)
  }
  return undead
}

/** Whatever a list says: what beats is there. */
async function beatingOf(ctx: Context, provider: ProviderName): Promise<Set<string>> {
  const rows = await ctx.db
    .selectFrom('fleetNodes')
    .innerJoin('fleetInstances', 'fleetInstances.id', 'fleetNodes.instanceId')
    .select('instanceId')
    .where('provider', '=', provider)
    .where('status', '<>', 'terminated')
    .where('goneAt', 'is', null)
    .execute()
  return new Set(rows.map(({ instanceId }) => instanceId))
}

async function noteMissing(
  ctx: Context,
  jobs: Pick<FleetJobs, 'endSessions'>,
  row: InstanceRow,
  listedAt: Date,
): Promise<void> {
  const since = row.missingSince ?? listedAt
  if (row.launchedAt && listedAt.getTime() - row.launchedAt.getTime() < MISSING_MS) return
  if (listedAt.getTime() - since.getTime() >= MISSING_MS) return endRow(ctx, jobs, row)
  await ctx.db
    .updateTable('fleetInstances')
    .set({ missingSince: since })
    .where('id', '=', row.id)
    .execute()
}

/** Finds the row of a machine, or makes one; false when its row has ended. */
async function keepMachine(
  ctx: Context,
  provider: Provider,
  machine: Machine,
  rows: readonly InstanceRow[],
): Promise<boolean> {
  const { providerId, instanceId } = machine
  const known = rows.find((row) => row.providerId === providerId || row.id === instanceId)
  if (known) {
    await updateRow(ctx, provider, known, machine)
    return true
  }
  const filled =
    provider.kind === 'scaled' && (await fillProvisioning(ctx, provider.name, providerId))
  if (filled) {
    await updateRow(ctx, provider, filled, machine)
    return true
  }
  return adoptMachine(ctx, provider, machine)
}

async function updateRow(ctx: Context, provider: Provider, row: InstanceRow, machine: Machine) {
  const status = statusOf(row, machine)
  const facts = factsOf(machine)
  const purpose = provider.kind === 'scaled' ? 'pool' : purposeOf(machine, row.purpose)
  const wanted = {
    ...{
      ...facts,
      status,
      purpose,
      managed: true,
      missingSince: null,
      errorMessage: row.errorMessage,
    },
    ...{ launchedAt: row.launchedAt ?? facts.launchedAt ?? ctx.clock.now() },
    ...(status !== row.status && { errorMessage: null }),
  }
  const isSame = Object.entries(wanted).every(
    ([name, value]) => String(value) === String(row[name as keyof InstanceRow]),
  )
  if (isSame) return
  await ctx.db
    .updateTable('fleetInstances')
    .set(wanted)
    .where('id', '=', row.id)
    .where('status', '=', row.status)
    .execute()
  if (!row.providerId) await ctx.events.emit(launched, namesOf({ ...row, ...facts }))
}

/** A machine that is being ended stays so; what was given up and lives all the same is launched after all. */
function statusOf({ status }: InstanceRow, { state }: Machine): InstanceRow['status'] {
  if (status === 'stopping') return status
  return state === 'pending' && status !== 'running' ? 'provisioning' : 'running'
}

function purposeOf({ purpose }: Machine, otherwise: InstanceRow['purpose']) {
  const known = (['pool', 'manual', 'relay'] as const).find((one) => one === purpose)
  return known ?? otherwise
}

function factsOf(machine: Machine) {
  return {
    providerId: machine.providerId,
    region: machine.region ?? null,
    instanceType: machine.instanceType ?? null,
    spot: machine.spot ?? false,
    publicDnsName: machine.publicDnsName ?? null,
    publicIpAddress: machine.publicIpAddress ?? null,
    privateIpAddress: machine.privateIpAddress ?? null,
    providerHealth: machine.health ?? null,
    launchedAt: machine.launchedAt ?? null,
  }
}

/** Takes over what an earlier control plane, or one whose database was lost, has launched. */
async function adoptMachine(ctx: Context, provider: Provider, machine: Machine): Promise<boolean> {
  const now = ctx.clock.now()
  const facts = factsOf(machine)
  const id = /^ins_[0-9a-z]{26}$/.test(machine.instanceId ?? '')
    ? machine.instanceId!
    : ctx.newId('ins')
  const row = await ctx.db
    .insertInto('fleetInstances')
    .values({
      ...{ ...facts, id, provider: provider.name },
      purpose: provider.kind === 'scaled' ? 'pool' : purposeOf(machine, 'manual'),
      status: machine.state === 'pending' ? 'provisioning' : 'running',
      tags: JSON.stringify(ownTags(machine.tags)),
      ...{ createdAt: facts.launchedAt ?? now, launchedAt: facts.launchedAt ?? now },
      lastActivityAt: now,
    })
    .onConflict((it) => it.doNothing())
    .returningAll()
    .executeTakeFirst()
  if (!row) return false
  await ctx.events.emit(adopted, namesOf(row))
  return true
}

function ownTags(tags: Machine['tags'] = {}): Record<string, string> {
  const own = Object.entries(tags).filter(([key]) => key !== 'Name' && !/^(gantry|aws):/.test(key))
  return Object.fromEntries(own)
}

/** Gives a machine that nobody has asked for by id to the launch that has waited longest; nothing when none waits. */
export async function fillProvisioning(
  ctx: Context,
  provider: ProviderName,
  providerId: string,
): Promise<InstanceRow | undefined> {
  const now = ctx.clock.now()
  const row = await ctx.db
    .updateTable('fleetInstances')
    .set({ providerId, launchedAt: now })
    .where(
      'id',
      '=',
      sql<string>`(select id from fleet_instances
        where provider = ${provider} and status = 'provisioning' and provider_id is null
        order by created_at, id limit 1 for update skip locked)`,
    )
    .returningAll()
    .executeTakeFirst()
  if (row) await ctx.events.emit(launched, namesOf(row))
  return row
}
