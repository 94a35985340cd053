import { z } from 'zod'
import { type Role, roles } from '#access/index.ts'
import type { Context } from '#kernel/context.ts'
import { defineSetting } from '#kernel/runtime-settings.ts'
import { requireStepUp } from '../step-up.ts'
import type { Tools } from '../tools.ts'
import { rolesOf, signedInActor, type UserRow } from '../users.ts'
import { requirementChanged } from './events.ts'
import { factorProblems } from './problems.ts'

/** They can do the most harm. */
const OPERATORS: readonly Role[] = ['super-admin', 'admin']

export const factorRoles = defineSetting({
  name: 'identity.second_factor_roles',
  what:
    'Roles whose holders must sign in with a second factor. `null`: `super-admin` and `admin` where other machines reach the server, ' +
    'and nobody where it listens on loopback only.',
  value: z
    .array(z.enum(Object.keys(roles) as [Role, ...Role[]]))
    .max(Object.keys(roles).length)
    .nullable(),
  default: null,
})

/** The roles that hold for this installation. */
export function demandingRoles(
  setting: readonly Role[] | null,
  { loopbackOnly }: { loopbackOnly: boolean },
): readonly Role[] {
  return setting ?? (loopbackOnly ? [] : OPERATORS)
}

/** Whether the person must have a second factor, for one of their roles or for the account that they act for. */
export async function isDemandedOf(
  tools: Pick<Tools, 'demandingRoles'>,
  ctx: Context,
  user: UserRow,
): Promise<boolean> {
  const account = await ctx.db
    .selectFrom('accounts')
    .select('requireSecondFactor')
    .where('id', '=', user.accountId)
    .executeTakeFirstOrThrow()
  const demanding = tools.demandingRoles()
  const held = rolesOf(user.platformRoles, user.accountRole, user.accountKind)
  return account.requireSecondFactor || held.some((role) => demanding.includes(role))
}

/**
 * Says whether everybody who acts for the caller's account needs a second factor; announces `second_factor.requirement_changed`. Whoever
 * demands it has used one: nobody shuts themselves out by surprise.
 *
 * @throws problem `auth.step_up_required` or `factor.use_one_first`
 */
export async function setRequirement(ctx: Context, required: boolean): Promise<void> {
  await requireStepUp(ctx)
  const { signInId } = signedInActor(ctx)
  if (required && !(await hasProvedTwice(ctx, signInId))) throw factorProblems.useOneFirst()
  const { accountId } = ctx
  await ctx.transaction(async (ctx) => {
    const changed = await ctx.db
      .updateTable('accounts')
      .set({ requireSecondFactor: required, updatedAt: ctx.clock.now() })
      .where('id', '=', accountId)
      .where('requireSecondFactor', '!=', required)
      .returning('id')
      .executeTakeFirst()
    if (changed) await ctx.events.emit(requirementChanged, { accountId, required })
  })
}

async function hasProvedTwice(ctx: Context, signInId: string): Promise<boolean> {
  const signIn = await ctx.db
    .selectFrom('signIns')
    .select('amr')
    .where('id', '=', signInId)
    .executeTakeFirst()
  return signIn?.amr.includes('mfa') === true
}
