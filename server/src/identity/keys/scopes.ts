import { allows, permissionsIn } from '#access/index.ts'
import type { Actor } from '#kernel/context.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import type { FieldError } from '#kernel/problem.ts'
import { keyProblems } from './problems.ts'

/** @throws problem `request.invalid` for scopes that no key can have, `key.scope_not_held` for those that the actor does not hold whole */
export function checkScopes(actor: Actor, scopes: readonly string[]): void {
  const impossible = errorsOf(scopes, (scope) =>
    permissionsIn(scope).length > 0 ? undefined : whyImpossible(scope),
  )
  if (impossible.length > 0) throw httpProblems.invalid({ errors: impossible })
  const missing = (scope: string) => permissionsIn(scope).filter((one) => !allows(actor, one))
  const errors = errorsOf(scopes, (scope) => {
    const names = missing(scope)
    return names.length > 0 ? `you do not hold ${names.join(', ')}` : undefined
  })
  if (errors.length === 0) return
  const all = [...new Set(scopes.flatMap(missing))]
  throw keyProblems.notHeld({ errors, missing: all.map((name) => `\`${name}\``).join(', ') })
}

function errorsOf(
  scopes: readonly string[],
  faultOf: (scope: string) => string | undefined,
): FieldError[] {
  return scopes.flatMap((scope, index) => {
    const message = faultOf(scope)
    return message ? [{ path: `body.scopes.${index}`, message }] : []
  })
}

function whyImpossible(scope: string): string {
  return scope.startsWith('keys.')
    ? 'no key may make, read or revoke keys: that takes the access token of a sign-in'
    : 'there is no such permission: GET /v1/roles lists them'
}
