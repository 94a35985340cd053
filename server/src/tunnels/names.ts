import { sql } from 'kysely'
import type { Context } from '#kernel/context.ts'
import { problems } from './problems.ts'
import { namesPerAccount } from './settings.ts'

/** What a visitor could take for a part of the service, or what other software gives a meaning to. */
const RESERVED = [
  ...['account', 'accounts', 'admin', 'administrator', 'api', 'app', 'apps', 'assets', 'auth'],
  ...['autoconfig', 'autodiscover', 'billing', 'broadcasthost', 'cdn', 'cdp', 'console'],
  ...['dashboard', 'docs', 'email', 'ftp', 'gantry', 'gateway', 'health', 'help'],
  ...['imap', 'internal', 'isatap', 'localdomain', 'localhost', 'login', 'mail', 'metrics'],
  ...['mta-sts', 'node', 'ns', 'oauth', 'official', 'operator', 'password', 'payment'],
  ...['payments', 'pop', 'pop3', 'postmaster', 'proxy', 'register', 'relay', 'relays', 'root'],
  ...['secure', 'security', 'settings', 'sftp', 'signin', 'signup', 'smtp', 'ssh', 'ssl', 'sso'],
  ...['static', 'status', 'support', 'system', 'tls', 'tunnel', 'tunnels', 'verify'],
  ...['webhook', 'webhooks', 'webmail', 'wpad', 'www', 'hostmaster', 'webmaster', 'abuse'],
]

/** As the eye takes it: what looks alike is one. */
function skeleton(name: string): string {
  return name
    .replaceAll('-', '')
    .replaceAll('rn', 'm')
    .replaceAll('vv', 'w')
    .replaceAll('cl', 'd')
    .replaceAll('0', 'o')
    .replaceAll(/[1il|]/g, 'l')
    .replaceAll('3', 'e')
    .replaceAll('4', 'a')
    .replaceAll('5', 's')
    .replaceAll('7', 't')
    .replaceAll('8', 'b')
    .replaceAll('9', 'g')
}

const SKELETONS = new Set(RESERVED.map(skeleton))
const BRAND = skeleton('gantry')
/** `www2`, `ns1`, `mail3`: the servers of a domain. */
const NUMBERED = /^(www|ns|mx|mail|smtp|imap|ftp|api|cdn|relay|node)-?\d*$/

/** Whether nobody may have it: reserved, alike, or written in another script (`xn--…`). */
export function isReserved(name: string): boolean {
  const seen = skeleton(name)
  // The third and fourth place belong to encodings (RFC 5891, 4.2.3.1).
  const isEncoded = name.slice(2, 4) === '--'
  return isEncoded || NUMBERED.test(name) || SKELETONS.has(seen) || seen.includes(BRAND)
}

/**
 * Takes the name for the account, or has it already, in the caller's transaction; nobody else ever gets it.
 *
 * @throws problem `tunnel.name_reserved`, `tunnel.name_taken` or `tunnel.names_exhausted`
 */
export async function takeName(ctx: Context, name: string): Promise<void> {
  if (isReserved(name)) throw problems.nameReserved({ name })
  const limit = ctx.settings.get(namesPerAccount)
  const { rows } = await sql<{ names: number }>`
    select count(*)::int as names from tunnel_names
    where account_id = ${ctx.accountId} and name <> ${name}`.execute(ctx.db)
  if (rows[0]!.names >= limit) throw problems.namesExhausted({ limit })
  await ctx.db
    .insertInto('tunnelNames')
    .values({ name, accountId: ctx.accountId, takenAt: ctx.clock.now() })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
  const owner = await ctx.db
    .selectFrom('tunnelNames')
    .select('accountId')
    .where('name', '=', name)
    .executeTakeFirstOrThrow()
  if (owner.accountId !== ctx.accountId) throw problems.nameTaken({ name })
}
