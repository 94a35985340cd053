import type { Problem } from '#kernel/problem.ts'
import type { Context } from '#kernel/context.ts'
import type { Client } from '../client.ts'
import { emailKey } from '../email.ts'
import { mailVerification } from '../email-verification.ts'
import { signInFailed } from '../events.ts'
import { isAwaited } from '../invitations/awaited.ts'
import { createPerson } from '../people.ts'
import { problems } from '../problems.ts'
import { openSignIn } from '../sign-ins.ts'
import type { Tools } from '../tools.ts'
import { findUser } from '../users.ts'
import { identityLinked } from './events.ts'
import { insertIdentity } from './identities.ts'
import { oauthProblems } from './problems.ts'
import type { ProvenVisit } from './visits.ts'

/** How tokens tell that somebody else has proven who it is. */
export const AMR = 'fed'

/**
 * Makes a user for somebody whose identity nobody has, and signs them in; a link that proves the address is mailed when the provider has
 * not. A user who has the address is never taken for them. Announces `user.registered` and `user.identity_linked`.
 *
 * @throws problem `oauth.address_in_use`, `oauth.address_missing`, `auth.sign_up_closed`, `auth.sign_up_by_invitation`,
 * `auth.email_taken` or `auth.too_many_attempts`
 */
export async function welcome(tools: Tools, ctx: Context, visit: ProvenVisit, client: Client) {
  const { email, emailVerified, firstName, lastName } = visit.proof
  await checkWelcome(tools, ctx, visit, client)
  await tools.attempts.takeFrom('register', client.ipAddress, `for ${emailKey(email!)}`)
  const passwordHash = tools.passwords.none()
  return ctx.transaction(async (ctx) => {
    const user = await createPerson(ctx, {
      ...{ email: email!, emailVerified, firstName, lastName, passwordHash },
      ...{ hasPassword: false, platformRoles: [], by: 'provider' },
    })
    const identity = await insertIdentity(ctx, user.id, visit, ctx.clock.now())
    if (!identity) throw oauthProblems.codeInvalid()
    const { id: identityId, provider } = identity
    const acting = ctx.actingFor(user.accountId)
    await acting.events.emit(identityLinked, { userId: user.id, identityId, provider })
    if (!emailVerified) await mailVerification(ctx, user)
    return { user, signIn: await openSignIn(tools, ctx, user, { amr: [AMR], client }) }
  })
}

/** Whoever has proven the address may know that there is a user with it; others may where registering would tell them too. */
async function checkWelcome(
  tools: Tools,
  ctx: Context,
  { provider, proof: { email, emailVerified } }: ProvenVisit,
  client: Client,
): Promise<void> {
  const { name } = tools.providers.find(provider)
  const key = email === undefined ? undefined : emailKey(email)
  if (key === undefined) throw oauthProblems.addressMissing({ provider: name })
  const holder = await findUser(ctx.db, 'emailKey', key)
  const closed = await whyClosed(tools, ctx, emailVerified ? key : undefined)
  if (closed && !(holder && emailVerified)) throw closed
  if (!holder) return
  const { id: userId, accountId } = holder
  const fact = { reason: 'not_linked', userId, ...client } as const
  await ctx.transaction((ctx) => ctx.actingFor(accountId).events.emit(signInFailed, fact))
  throw oauthProblems.addressInUse({ provider: name })
}

/** @param provenKey of an address that is theirs: an invitation to it lets its holder in */
async function whyClosed(
  { signUp }: Tools,
  ctx: Context,
  provenKey: string | undefined,
): Promise<Problem | undefined> {
  if (signUp === 'open') return undefined
  if (signUp === 'closed') return problems.signUpClosed()
  const isInvited = provenKey !== undefined && (await isAwaited(ctx, provenKey))
  return isInvited ? undefined : problems.signUpByInvitation()
}
