import type { Context } from '#kernel/context.ts'
import type { Client } from './client.ts'
import { emailKey } from './email.ts'
import { mailVerification } from './email-verification.ts'
import { createPerson, type NewPerson } from './people.ts'
import { problems } from './problems.ts'
import type { Person, SignedIn } from './schema.ts'
import { openSignIn, presentSignIn } from './sign-ins.ts'
import type { Tools } from './tools.ts'
import type { UserRow } from './users.ts'

/**
 * Makes a user for whoever asks, signs them in, and mails a link that proves the address. The password is hashed before anything is looked up, so that a taken address takes
 * as long to refuse as a free one to register.
 *
 * @throws problem `auth.sign_up_closed`, `auth.sign_up_by_invitation`, `auth.weak_password`, `auth.email_taken`,
 * `auth.too_many_attempts` or `auth.busy`
 */
export async function register(
  tools: Tools,
  ctx: Context,
  input: Person,
  client: Client,
): Promise<SignedIn> {
  if (tools.signUp === 'closed') throw problems.signUpClosed()
  if (tools.signUp === 'invite') throw problems.signUpByInvitation()
  const attempt = { ipAddress: client.ipAddress, subjects: [`for ${emailKey(input.email)}`] }
  const person = await tools.attempts.during('register', attempt, () => withHash(tools, ctx, input))
  return enrol(tools, ctx, client, async (ctx) => {
    const user = await createPerson(ctx, { ...person, platformRoles: [], by: 'sign_up' })
    await mailVerification(ctx, user)
    return user
  })
}

/** The person with the password replaced by its hash. @throws problem `auth.weak_password` or `auth.busy` */
export async function withHash(
  { passwords }: Tools,
  ctx: Context,
  { email, password, firstName, lastName }: Person,
): Promise<Pick<NewPerson, 'email' | 'firstName' | 'lastName' | 'passwordHash'>> {
  const person = { email, firstName, lastName }
  return { ...person, passwordHash: await passwords.choose(ctx.signal, password, person) }
}

/** Makes a user and signs them in, both or neither. */
export async function enrol(
  tools: Tools,
  ctx: Context,
  client: Client,
  create: (ctx: Context) => Promise<UserRow>,
): Promise<SignedIn> {
  const { user, signIn } = await ctx.transaction(async (ctx) => {
    const user = await create(ctx)
    return { user, signIn: await openSignIn(tools, ctx, user, { amr: ['pwd'], client }) }
  })
  return presentSignIn(tools, ctx, user, signIn)
}
