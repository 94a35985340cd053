/** No key reaches these, whatever its scopes say: a key that was copied must not make others, nor outlive its own end. */
const OUT_OF_REACH = 'keys'

/** Whether one of a key's scopes is this permission, or all of its noun: `sessions.*`. */
export function covers(scopes: readonly string[], permission: string): boolean {
  const noun = permission.slice(0, permission.indexOf('.'))
  if (noun === OUT_OF_REACH) return false
  return scopes.includes(permission) || scopes.includes(`${noun}.*`)
}
