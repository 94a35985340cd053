import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { sha256 } from '#kernel/crypto.ts'
import type { Context } from '#kernel/context.ts'
import type { Db } from '#kernel/db.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import type { Client } from './client.ts'
import { createPerson } from './people.ts'
import { problems } from './problems.ts'
import { enrol, withHash } from './register.ts'
import { type Bootstrap, Person, type SignedIn, type User } from './schema.ts'
import type { Tools } from './tools.ts'
import { presentUser } from './users.ts'

const TOKEN_BYTES = 32
const LIFE_MS = 15 * 60 * 1000

/**
 * A link that makes the first super-admin: once, within 15 minutes, and only while there is none. A new link voids those before.
 * Undefined when there is a super-admin. The token stands behind `#`, so browsers send it to nobody.
 */
export async function createBootstrapLink(
  ctx: Context,
  publicUrl: string,
): Promise<string | undefined> {
  const token = randomBytes(TOKEN_BYTES).toString('base64url')
  const now = ctx.clock.now()
  const made = await ctx.transaction(async (ctx) => {
    await holdSuperAdmins(ctx.db)
    if (await hasSuperAdmin(ctx.db)) return false
    await ctx.db.deleteFrom('bootstrapTokens').execute()
    const expiresAt = new Date(now.getTime() + LIFE_MS)
    await ctx.db
      .insertInto('bootstrapTokens')
      .values({ tokenHash: sha256(token), createdAt: now, expiresAt })
      .execute()
    return true
  })
  return made ? `${publicUrl}/#setup=${token}` : undefined
}

/**
 * Makes the first super-admin for the holder of the token, and signs them in; of two at once, one wins.
 *
 * @throws problem `auth.bootstrap_refused`, `auth.weak_password`, `auth.email_taken` (the token stays good) or `auth.busy`
 */
export async function bootstrap(
  tools: Tools,
  ctx: Context,
  { token, ...input }: Omit<Bootstrap, 'session'>,
  client: Client,
): Promise<SignedIn> {
  const tokenHash = sha256(token)
  // Before any hashing, so that strangers cannot make the server work.
  if (!(await isGood(ctx, tokenHash))) throw problems.bootstrapRefused()
  const person = await withHash(tools, ctx, input)
  return enrol(tools, ctx, client, async (ctx) => {
    await holdSuperAdmins(ctx.db)
    const first = !(await hasSuperAdmin(ctx.db))
    if (!first || !(await useToken(ctx, tokenHash))) throw problems.bootstrapRefused()
    return createPerson(ctx, { ...person, platformRoles: ['super-admin'], by: 'bootstrap' })
  })
}

/**
 * Makes a super-admin for whoever can run a program on the server, also when there is one already.
 *
 * @throws problem `request.invalid`, `auth.weak_password` or `auth.email_taken`
 */
export async function createSuperAdmin(tools: Tools, ctx: Context, input: Person): Promise<User> {
  const person = await withHash(tools, ctx, parsePerson(input))
  const user = await ctx.transaction(async (ctx) => {
    await holdSuperAdmins(ctx.db)
    return createPerson(ctx, { ...person, platformRoles: ['super-admin'], by: 'operator' })
  })
  return presentUser(user)
}

function parsePerson(input: Person): Person {
  const { success, data, error } = Person.safeParse(input)
  if (success) return data
  const errors = error.issues.map(({ path, message }) => ({ path: path.join('.'), message }))
  throw httpProblems.invalid({ errors })
}

/** One at a time may make a super-admin, unmake one, or make the right to become one. */
export async function holdSuperAdmins(db: Db): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('identity.bootstrap'))`.execute(db)
}

async function hasSuperAdmin(db: Db): Promise<boolean> {
  const found = await db
    .selectFrom('users')
    .select('id')
    .where(sql<boolean>`'super-admin' = any (platform_roles)`)
    .limit(1)
    .executeTakeFirst()
  return found !== undefined
}

async function isGood(ctx: Context, tokenHash: Buffer): Promise<boolean> {
  const found = await ctx.db
    .selectFrom('bootstrapTokens')
    .select('tokenHash')
    .where('tokenHash', '=', tokenHash)
    .where('usedAt', 'is', null)
    .where('expiresAt', '>', ctx.clock.now())
    .executeTakeFirst()
  return found !== undefined && !(await hasSuperAdmin(ctx.db))
}

async function useToken(ctx: Context, tokenHash: Buffer): Promise<boolean> {
  const now = ctx.clock.now()
  const { numUpdatedRows } = await ctx.db
    .updateTable('bootstrapTokens')
    .set({ usedAt: now })
    .where('tokenHash', '=', tokenHash)
    .where('usedAt', 'is', null)
    .where('expiresAt', '>', now)
    .executeTakeFirst()
  return numUpdatedRows === 1n
}
