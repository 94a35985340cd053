import encodeQR from 'qr'
import type { Context } from '#kernel/context.ts'
import type { Client } from '../client.ts'
import { requireStepUp } from '../step-up.ts'
import type { Tools } from '../tools.ts'
import { findUser, signedInActor } from '../users.ts'
import { findSecret, sealSecret, stepOfCode } from './authenticator-app.ts'
import { replaceCodes } from './backup-codes.ts'
import { factorEnabled } from './events.ts'
import { heldBy, holdsAny, strengthen } from './holding.ts'
import { tellChange } from './notices.ts'
import { endWeakSignIns, requireOwnFactor } from './own-factor.ts'
import { factorProblems } from './problems.ts'
import { byCode, withProof } from './proof.ts'
import { forgetDevices } from './remembered.ts'
import type { Enrolment } from './schema.ts'
import type { TotpSecretRow } from './tables.ts'
import { base32, newSecret, otpauthUri } from './totp.ts'

const ISSUER = 'Gantry'
const PENDING_MS = 15 * 60 * 1000

/**
 * Begins to set up an authenticator app: nothing changes until its first code. What was begun before is forgotten; an app that is in use
 * stays so until the new one is confirmed, and it takes a code to replace it.
 *
 * @throws problem `auth.step_up_required`, `factor.already_enabled` or `factor.use_own_first` when the code is missing, or what
 * `withProof` throws
 */
export async function enrol(
  tools: Tools,
  ctx: Context,
  { code, client }: { code?: string | undefined; client: Client },
): Promise<Enrolment> {
  await requireStepUp(ctx)
  const { userId, signInId } = signedInActor(ctx)
  const held = await heldBy(ctx, userId)
  if (code === undefined || !holdsAny(held)) {
    if (held.totp) throw factorProblems.alreadyEnabled()
    await requireOwnFactor(ctx)
    return begin(tools, ctx)
  }
  const proving = { userId, proof: byCode(tools, code), purpose: 'change', client } as const
  return withProof(tools, ctx, proving, async (ctx) => {
    await strengthen(tools, ctx, signInId, 'otp')
    return begin(tools, ctx)
  })
}

async function begin(tools: Tools, ctx: Context): Promise<Enrolment> {
  const { userId, signInId } = signedInActor(ctx)
  const secret = newSecret()
  const now = ctx.clock.now()
  const begun = { ...sealSecret(tools, ctx, userId, secret), signInId, createdAt: now }
  await ctx.db
    .insertInto('totpSecrets')
    .values({ userId, state: 'pending', ...begun })
    .onConflict((conflict) => conflict.columns(['userId', 'state']).doUpdateSet(begun))
    .execute()
  const { email } = (await findUser(ctx.db, 'id', userId))!
  const uri = otpauthUri(secret, ISSUER, email)
  return {
    ...{ secret: base32(secret), uri, qrSvg: qrCode(uri) },
    expiresAt: new Date(now.getTime() + PENDING_MS).toISOString(),
  }
}

/** On white, so that it can be read on a dark page too. */
function qrCode(text: string): string {
  return encodeQR(text, 'svg').replace('>', '><rect width="100%" height="100%" fill="#fff"/>')
}

/**
 * Confirms the app with a code of it, and shows ten new backup codes; announces `second_factor.enabled`. The code signs nobody in after
 * that. Remembered devices are forgotten, and other sign-ins by password alone end.
 *
 * @throws problem `factor.nothing_pending`, `factor.use_own_first` or what `withProof` throws
 */
export async function confirmEnrolment(
  tools: Tools,
  ctx: Context,
  { code, client }: { code: string; client: Client },
): Promise<{ backupCodes: string[] }> {
  const { userId, signInId } = signedInActor(ctx)
  await readPending(ctx, userId, signInId)
  const proof = {
    method: 'totp',
    isRight: async (ctx: Context) => {
      // The person may have got another factor since this was begun.
      await requireOwnFactor(ctx)
      return activate(tools, ctx, await readPending(ctx, userId, signInId), code)
    },
  } as const
  return withProof(tools, ctx, { userId, proof, purpose: 'change', client }, async (ctx, user) => {
    await forgetDevices(ctx, userId)
    await strengthen(tools, ctx, signInId, 'otp')
    await endWeakSignIns(tools, ctx)
    await ctx.events.emit(factorEnabled, { userId, method: 'totp' })
    await tellChange(ctx, user, 'enabled')
    return { backupCodes: await replaceCodes(tools, ctx, userId) }
  })
}

async function readPending(ctx: Context, userId: string, signInId: string): Promise<TotpSecretRow> {
  const pending = await findSecret(ctx, userId, 'pending')
  const oldestMs = ctx.clock.now().getTime() - PENDING_MS
  if (pending?.signInId !== signInId || pending.createdAt.getTime() <= oldestMs) {
    throw factorProblems.nothingPending()
  }
  return pending
}

/** The pending secret takes the place of the active one, if the code is of it. */
async function activate(
  tools: Tools,
  ctx: Context,
  pending: TotpSecretRow,
  code: string,
): Promise<boolean> {
  const step = stepOfCode(tools, ctx, pending, code)
  if (step === undefined) return false
  const { id, userId } = pending
  await ctx.db
    .deleteFrom('totpSecrets')
    .where('userId', '=', userId)
    .where('state', '=', 'active')
    .execute()
  const { numUpdatedRows } = await ctx.db
    .updateTable('totpSecrets')
    .set({ state: 'active', lastStep: String(step) })
    .where('id', '=', id)
    .where('state', '=', 'pending')
    .executeTakeFirst()
  // Another enrolment may have taken its place after it was read.
  if (numUpdatedRows !== 1n) throw factorProblems.nothingPending()
  return true
}
