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
  const records = await ask(signal, servers, (resolver) => resolver.resolveTxt(name))
  return records.map((parts) => parts.join(''))
}

/**
 * The addresses of a name, IPv4 first, as the DNS tells them to everybody: a hosts file is not looked at. None for a name below
 * `localhost`, which is nobody's business outside.
 *
 * @param servers with a port each if wanted; the system's unless given
 * @throws Error with a `code` when the DNS tells of neither kind
 */
export async function resolveAddresses(
  name: string,
  signal: AbortSignal,
  servers: readonly string[] = [],
): Promise<readonly string[]> {
  if (name === 'localhost') return ['127.0.0.1', '::1']
  if (name.endsWith('.localhost')) return []
  const answers = await Promise.allSettled([
    ask(signal, servers, (resolver) => resolver.resolve4(name)),
    ask(signal, servers, (resolver) => resolver.resolve6(name)),
  ])
  const told = answers.filter((answer) => answer.status === 'fulfilled')
  if (told.length === 0) throw (answers[0] as PromiseRejectedResult).reason
  return told.flatMap(({ value }) => value)
}

/** Asks name servers itself: the system's resolver would hold a thread of the pool for as long as it likes. */
async function ask<Found>(
  signal: AbortSignal,
  servers: readonly string[],
  question: (resolver: Resolver) => Promise<Found[]>,
): Promise<Found[]> {
  signal.throwIfAborted()
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES })
  if (servers.length > 0) resolver.setServers(servers)
  const cancel = () => resolver.cancel()
  signal.addEventListener('abort', cancel, { once: true })
  try {
    return await question(resolver)
  } catch (error) {
    if (NOTHING.has((error as { code?: string }).code ?? '')) return []
    throw error
  } finally {
    signal.removeEventListener('abort', cancel)
  }
}
