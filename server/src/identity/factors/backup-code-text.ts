export const LENGTH = 16
/** Crockford: without I, L, O and U. */
export const LETTERS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const SHAPE = new RegExp(`^[${LETTERS}]{${LENGTH}}$`)

/** Its one spelling; undefined when it is no backup code. Hyphens, spaces, small letters and look-alikes are as good. */
export function plainCode(typed: string): string | undefined {
  const letters = typed.replaceAll(/[- ]/g, '').toUpperCase()
  const plain = letters.replaceAll('O', '0').replaceAll(/[IL]/g, '1')
  // Upper case would make ASCII of some foreign letters.
  return /^[\w -]*$/.test(typed) && SHAPE.test(plain) ? plain : undefined
}
