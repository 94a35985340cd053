import { AddressRanges, isAddressRange } from '#kernel/address-ranges.ts'
import { sha256 } from '#kernel/crypto/digests.ts'
import type { AccessSpec, TunnelConfig, TunnelSpec } from '#tunnels/index.ts'
import type { GateTools } from './gates.ts'
import { Holders } from './holders.ts'
import { setCookie } from './own-cookies.ts'
import { type Pass, Passes } from './passes.ts'

const DAY_MS = 24 * 60 * 60_000
/** How long nothing need be shown again; what is taken back ends at once all the same. */
const PASS_MS = { link: 30 * DAY_MS, password: 7 * DAY_MS, person: DAY_MS / 2 }

/** Who may come to one tunnel, ready to be asked for each visitor. */
export interface Entry {
  readonly tools: GateTools
  readonly tunnelId: string
  readonly name: string
  readonly access: AccessSpec
  readonly holders: Holders
  readonly passes: Passes
  /** Of the policy `addresses`. */
  readonly ranges: AddressRanges | undefined
  readonly basicAuth: TunnelConfig['basicAuth']
  readonly blocked: TunnelSpec['blocked']
}

export function makeEntry(tools: GateTools, spec: TunnelSpec): Entry {
  const { id, name, access, config, blocked } = spec
  return {
    ...{ tools, name, access, basicAuth: config.basicAuth, blocked },
    tunnelId: id,
    holders: new Holders(access),
    passes: new Passes(tools.knownPasses, access.cookieKey, id),
    ranges:
      access.policy === 'addresses'
        ? new AddressRanges(access.addresses.filter(isAddressRange))
        : undefined,
  }
}

export function nowMs({ tools }: Entry): number {
  return tools.clock.now().getTime()
}

/** Whether a pass lets in by what counts now: its grant is there, its password is the one, nothing has ended everything. */
export function passCounts(entry: Entry, pass: Pass): boolean {
  const { access, holders } = entry
  const now = nowMs(entry)
  if (pass.generation < access.generation || pass.expiresAtMs <= now) return false
  switch (pass.by) {
    case 'grant':
      return holders.byId(pass.id, now) !== undefined
    case 'members':
      return access.policy === 'members'
    case 'password':
      return access.policy === 'password' && pass.id === passwordMark(access)
  }
}

/** Tells passwords apart without telling anything of them. */
export function passwordMark({ passwordHash = '' }: AccessSpec): string {
  return sha256(passwordHash).toString('base64url').slice(0, 16)
}

/** The `Set-Cookie` by which the visitor need not show it again. */
export function passCookie(
  entry: Entry,
  secure: boolean,
  pass: Pick<Pass, 'by' | 'id'> & { person?: string; grantEndsAtMs?: number | undefined },
): string {
  const { by, id, person = '', grantEndsAtMs = Infinity } = pass
  const now = nowMs(entry)
  const kind = person ? 'person' : by === 'password' ? 'password' : 'link'
  const expiresAtMs = Math.min(now + PASS_MS[kind], grantEndsAtMs)
  const { generation } = entry.access
  const value = entry.passes.write({ by, id, generation, expiresAtMs, person })
  return setCookie('tunnel', value, { secure, maxAgeSeconds: (expiresAtMs - now) / 1000 })
}
