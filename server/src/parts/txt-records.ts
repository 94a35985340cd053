import { Resolver } from 'node:dns/promises'

const TIMEOUT_MS = 2_000
const TRIES = 2
/** What the DNS says when there is nothing: no such name, or no such record of it. */
const NOTHING = new Set(['ENOTFOUND', 'ENODATA'])

/**
 * The texts of the TXT records of a name.
 *
 * @param servers with a port each if wanted; the system's unless given
 * @throws Error with a `code` when the DNS does not tell
 */
export async function resolveTxt(
  name: string,
  signal: AbortSignal,
  servers: readonly string[] = [],
): Promise<readonly string[]> {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES })
  if (servers.length > 0) resolver.setServers(servers)
  const cancel = () => resolver.cancel()
  signal.addEventListener('abort', cancel, { once: true })
  try {
    const records = await resolver.resolveTxt(name)
    return records.map((parts) => parts.join(''))
  } catch (error) {
    if (NOTHING.has((error as { code?: string }).code ?? '')) return []
    throw error
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}
