import type { HeaderRules } from '#tunnels/index.ts'
import { endsHere } from './hop-by-hop.ts'

/** A customer's rules, ready for every message. */
export interface HeaderEdits {
  /** In lower case: what is removed, and what is set anew. */
  readonly drop: ReadonlySet<string>
  /** Names and values in turn. */
  readonly add: readonly string[]
}

const NO_NAMES: ReadonlySet<string> = new Set()
const TOKEN = /^[!#$%&'*+.^_`|~\w-]+$/
const VALUE = /^[\t\u0020-\u007e\u0080-\u00ff]*$/
/** Of these the relay answers for itself; `hostHeader` is how the host is set. */
const OWN = new Set([
  ...['host', 'content-length', 'content-encoding', 'trailer', 'via', 'forwarded'],
])

/** Whether a rule may name it: neither framing, nor routing, nor what tells where a request comes from. */
export function isEditable(header: string): boolean {
  const name = header.toLowerCase()
  if (!TOKEN.test(name) || endsHere(name, NO_NAMES)) return false
  return !OWN.has(name) && !name.startsWith('x-forwarded-') && !name.startsWith('gantry-tunnel')
}

/** Whether it can stand in a header without beginning another one. */
export function isHeaderValue(value: string): boolean {
  return VALUE.test(value)
}

/** Undefined when nothing is to be done. Rules that cannot be kept are left out. */
export function headerEdits({ set, remove }: HeaderRules): HeaderEdits | undefined {
  const wanted = Object.entries(set).filter(
    ([name, value]) => isEditable(name) && isHeaderValue(value) && !/^set-cookie$/i.test(name),
  )
  const names = [...remove.filter(isEditable), ...wanted.map(([name]) => name)]
  if (names.length === 0) return undefined
  return { drop: new Set(names.map((name) => name.toLowerCase())), add: wanted.flat() }
}
