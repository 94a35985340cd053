import type { SealedColumn } from '#kernel/secrets/sealed-column.ts'
import type { EgressRules } from './host/egress-rules.ts'
import type { SessionSpec } from './node/session-node.ts'
import type { SessionVault } from './runtime.ts'
import type { SessionRow } from './tables.ts'

/** Where the URLs of sessions' proxies are kept. */
export const sealedProxies: SealedColumn = {
  ...{ table: 'browser_sessions', id: 'id', column: 'proxy_sealed', purpose: 'session proxies' },
  place: (id) => [id],
}

/** What of a row its machine has to know. */
type Specified = Pick<
  SessionRow,
  | ('id' | 'accountId' | 'userId' | 'generation' | 'expiresAt' | 'idleTimeoutSeconds')
  | ('viewport' | 'userAgent' | 'locale' | 'timezone')
  | ('egress' | 'proxySealed' | 'tunnels' | 'recording' | 'defaultTimeoutMs')
>

/** A machine keeps whose session it is without asking; one that an earlier version has started has none. */
interface OwnedSpec extends SessionSpec {
  userId: string
}

export function ownerOf(spec: SessionSpec): string | undefined {
  return 'userId' in spec && typeof spec.userId === 'string' ? spec.userId : undefined
}

/** Where its browser may go, and how. */
export function egressOf(
  vault: SessionVault,
  {
    id,
    egress,
    proxySealed,
    tunnels,
  }: Pick<SessionRow, 'id' | 'egress' | 'proxySealed' | 'tunnels'>,
): EgressRules {
  const upstream = proxySealed && vault.open(id, proxySealed)
  return {
    ...egress,
    ...(upstream && { upstream }),
    ...(tunnels && { tunnels: tunnels.map(({ name }) => name) }),
  }
}

export function specOf(vault: SessionVault, row: Specified): OwnedSpec {
  const { id, accountId, userId, generation, viewport, userAgent, locale, timezone } = row
  const egress = egressOf(vault, row)
  return {
    ...{ id, accountId, userId, generation, egress, idleSeconds: row.idleTimeoutSeconds },
    identity: {
      viewport,
      ...(userAgent && { userAgent }),
      ...(locale && { locale }),
      ...(timezone && { timezone }),
    },
    expiresAtMs: row.expiresAt.getTime(),
    ...(row.recording && { recording: row.recording }),
    ...(row.defaultTimeoutMs && { defaultTimeoutMs: row.defaultTimeoutMs }),
  }
}
