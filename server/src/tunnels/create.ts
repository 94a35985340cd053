import { randomBytes } from 'node:crypto'
import type { Context } from '#kernel/context.ts'
import { sqlState } from '#kernel/transaction.ts'
import { changedAccess, checkFit, PUBLIC } from './access.ts'
import { DEFAULT_CONFIG, patchedConfig } from './config.ts'
import { insertEndpoint } from './endpoints.ts'
import { created } from './events.ts'
import { takeName } from './names.ts'
import { hashesOf } from './passwords.ts'
import type { TunnelParts } from './parts.ts'
import { checkRoomForTunnel } from './plan-limits.ts'
import { freePort } from './ports.ts'
import { problems } from './problems.ts'
import { show } from './read.ts'
import { changing } from './revision.ts'
import type { CreateTunnel, Tunnel } from './schema.ts'
import type { TunnelRow } from './tables.ts'

/** https://www.postgresql.org/docs/current/errcodes-appendix.html: unique_violation. */
const TAKEN = '23505'

/**
 * Of two creates of one name, one has it. Announces `tunnel.created`.
 *
 * @throws problem `tunnel.name_taken`, `tunnel.name_reserved`, `tunnel.names_exhausted`, `tunnel.limit_reached`, `tunnel.tcp_limit_reached`,
 *   `tunnel.ports_exhausted`, `tunnel.kind_mismatch`, `tunnel.endpoint_exists`, `tunnel.password_missing`,
 *   `tunnel.setting_unfit` or `tunnel.busy`
 */
export async function createTunnel(
  ctx: Context,
  parts: TunnelParts,
  input: CreateTunnel,
): Promise<Tunnel> {
  const hashes = await hashesOf(ctx, parts, input)
  const config = patchedConfig(DEFAULT_CONFIG, input.config, hashes.basicAuth)
  const access = input.access ? changedAccess(PUBLIC, input.access, hashes.access) : PUBLIC
  checkFit(input.kind, { config, access })
  const name = input.name ?? madeUpName()
  const insert = changing(ctx, parts, async (ctx, revision) => {
    await checkRoomForTunnel(ctx, input.kind)
    await takeName(ctx, name)
    const now = ctx.clock.now()
    const row = await ctx.db
      .insertInto('tunnels')
      .values({
        ...{ id: ctx.newId('tun'), accountId: ctx.accountId, name, kind: input.kind, revision },
        port: input.kind === 'tcp' ? await freePort(ctx, parts) : null,
        createdByUserId: 'userId' in ctx.actor ? ctx.actor.userId : null,
        ...{ status: 'created', statusSince: now, errorMessage: null, started: true },
        ...{ config: JSON.stringify(config), access: JSON.stringify(access) },
        ...{ createdAt: now, updatedAt: now, deletedAt: null },
      })
      .returningAll()
      .executeTakeFirstOrThrow()
    for (const endpoint of input.endpoints) await insertEndpoint(ctx, row, endpoint)
    await announce(ctx, row)
    await ctx.remember(row.id)
    return show(ctx, parts, row)
  })
  return insert.catch((error: unknown) => {
    throw sqlState(error) === TAKEN ? problems.nameTaken({ name, cause: error }) : error
  })
}

async function announce(ctx: Context, { id, name, kind, port }: TunnelRow): Promise<void> {
  await ctx.events.emit(created, { id, name, kind, ...(port !== null && { port }) })
}

/** Not to be guessed, since whoever knows the address may visit. */
function madeUpName(): string {
  return `t-${randomBytes(8).toString('hex')}`
}
