import { isDeepStrictEqual } from 'node:util'
import type { Context } from '#kernel/context.ts'
import { changedAccess, checkFit } from './access.ts'
import type { PutTunnelAccess } from './access-schema.ts'
import { patchedConfig, wholeConfig } from './config.ts'
import type { PutTunnelConfig } from './config-schema.ts'
import { updated } from './events.ts'
import { untilHeard } from './heard.ts'
import type { TunnelParts } from './parts.ts'
import { hashesOf, type SentHashes } from './passwords.ts'
import { problems } from './problems.ts'
import { findManageable, show } from './read.ts'
import { changing } from './revision.ts'
import type { PatchTunnel, PutTunnel, Tunnel } from './schema.ts'
import { lockTunnels } from './status.ts'
import type { TunnelRow } from './tables.ts'

type Settings = Pick<TunnelRow, 'config' | 'access'>

/** Changes what is given. @throws as `change` */
export function patchTunnel(
  ctx: Context,
  parts: TunnelParts,
  id: string,
  { config, access }: PatchTunnel,
): Promise<Tunnel> {
  return change(ctx, parts, id, { config, access }, (row, hashes) => ({
    config: config ? patchedConfig(row.config, config, hashes.basicAuth) : row.config,
    access: access ? changedAccess(row.access, access, hashes.access) : row.access,
  }))
}

/** As it is sent; what cannot change has to be as it is. @throws problem `tunnel.member_fixed`, or as `change` */
export function putTunnel(
  ctx: Context,
  parts: TunnelParts,
  id: string,
  { config, access, ...rest }: PutTunnel,
): Promise<Tunnel> {
  const sent = { config, access }
  return change(ctx, parts, id, sent, async (row, hashes, ctx) => {
    checkFixed(await show(ctx, parts, row), rest)
    return {
      config: wholeConfig(row.config, config, hashes.basicAuth),
      access: access ? changedAccess(row.access, access, hashes.access) : row.access,
    }
  })
}

/** @throws as `change` */
export function putConfig(
  ctx: Context,
  parts: TunnelParts,
  id: string,
  config: PutTunnelConfig,
): Promise<Tunnel> {
  return change(ctx, parts, id, { config }, (row, hashes) => ({
    config: wholeConfig(row.config, config, hashes.basicAuth),
    access: row.access,
  }))
}

/** @throws as `change` */
export function putAccess(
  ctx: Context,
  parts: TunnelParts,
  id: string,
  access: PutTunnelAccess,
): Promise<Tunnel> {
  return change(ctx, parts, id, { access }, (row, hashes) => ({
    config: row.config,
    access: changedAccess(row.access, access, hashes.access),
  }))
}

type Sent = Parameters<typeof hashesOf>[2]
type Make = (row: TunnelRow, hashes: SentHashes, ctx: Context) => Settings | Promise<Settings>

/**
 * It holds for open links, and relays go by it once it is answered. Of two changes the second one finds the first. Announces `tunnel.updated`.
 *
 * @throws problem `tunnel.not_found`, `tunnel.password_missing`, `tunnel.setting_unfit`, `tunnel.busy`, or `tunnel.owner_only` for the access of another account's
 */
async function change(
  ctx: Context,
  parts: TunnelParts,
  id: string,
  sent: Sent,
  make: Make,
): Promise<Tunnel> {
  const { permission } = await findManageable(ctx, parts, id)
  const hashes = await hashesOf(ctx, parts, sent)
  const changed = await changing(ctx, parts, async (ctx, revision) => {
    const [row] = await lockTunnels(ctx, [id])
    if (!row) throw problems.notFound({ id })
    const settings = await make(row, hashes, ctx)
    checkFit(row.kind, settings)
    const changed = changedMembers(row, settings)
    if (permission !== 'own' && changed.some(saysWhoMayCome)) throw problems.ownerOnly({ id })
    if (changed.length === 0) return show(ctx, parts, row, permission)
    const after = await save(ctx, row, settings, revision)
    const acting = ctx.actingFor(row.accountId)
    await acting.events.emit(updated, { id, name: row.name, changed })
    return show(ctx, parts, after, permission)
  })
  await untilHeard(ctx, parts, id)
  return changed
}

function save(
  { db, clock }: Context,
  { id }: TunnelRow,
  { config, access }: Settings,
  revision: string,
): Promise<TunnelRow> {
  return db
    .updateTable('tunnels')
    .set({ config: JSON.stringify(config), access: JSON.stringify(access) })
    .set({ revision, updatedAt: clock.now() })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()
}

/** Names without values: there may be secrets in these. */
function changedMembers(before: Settings, { config, access }: Settings): string[] {
  const names = new Set([...Object.keys(before.config), ...Object.keys(config)])
  const ofConfig = [...names].filter((name) => {
    const key = name as keyof typeof config
    return !isDeepStrictEqual(before.config[key], config[key])
  })
  const isAccess = !isDeepStrictEqual(before.access, access)
  return [...ofConfig.map((name) => `config.${name}`).sort(), ...(isAccess ? ['access'] : [])]
}

/** Basic authentication is a setting, and decides of visitors all the same. */
function saysWhoMayCome(member: string): boolean {
  return member === 'access' || member === 'config.basicAuth'
}

/** What is the tunnel's for ever, or has routes of its own. What changes by itself may be of an earlier moment. */
const FIXED = ['id', 'accountId', 'name', 'kind', 'hostname', 'url', 'port', 'domains'] as const

function checkFixed(tunnel: Tunnel, sent: Omit<PutTunnel, 'config' | 'access'>): void {
  const differs = FIXED.filter(
    (name) => sent[name] !== undefined && !isDeepStrictEqual(sent[name], tunnel[name]),
  )
  const members: string[] = [...differs]
  if (sent.started !== undefined && sent.started !== tunnel.started) members.push('started')
  if (sent.endpoints && !isDeepStrictEqual(set(sent.endpoints), set(tunnel.endpoints))) {
    members.push('endpoints')
  }
  if (members.length > 0) throw problems.fixed({ members: members.join(', ') })
}

/** What was set of endpoints, without how they were found. */
function set(endpoints: Tunnel['endpoints']) {
  return endpoints.map(({ id, url, agent, priority, weight, healthCheck }) => {
    return { id, url, agent, priority, weight, healthCheck }
  })
}
