import { allows } from '#access/index.ts'
import type { Actor } from '#kernel/context.ts'
import { httpProblems } from '#kernel/http/problems.ts'

/** Whoever may use the channel: somebody of an account. */
export type Person = Extract<Actor, { accountId: string }>

export type Authenticate = (authorization: string, ip: string) => Promise<Actor>

export interface Credential {
  /** As an Authorization header has it. */
  authorization: string
  ip: string
}

/** @throws problem `auth.unauthenticated`, `auth.forbidden`, or why the credential does not count */
export async function authenticate(ask: Authenticate, credential: Credential): Promise<Person> {
  const actor = await ask(credential.authorization, credential.ip)
  if (!('accountId' in actor)) throw httpProblems.unauthenticated()
  if (!allows(actor, 'sessions.write')) demand(actor, 'sessions.read')
  return actor
}

/** @throws problem `auth.forbidden` */
export function demand(actor: Actor, permission: string): void {
  if (!allows(actor, permission)) throw httpProblems.forbidden({ permission })
}

export function isSamePerson(one: Person, other: Person): boolean {
  return one.accountId === other.accountId && one.userId === other.userId
}
