import { isIP } from 'node:net'
import type { Context } from '#kernel/context.ts'
import type { TunnelParts } from '../parts.ts'
import type { Facts } from './facts.ts'
import type { TunnelCheck } from './schema.ts'

const DEADLINE_MS = 3_000
/** Names of a tunnel that are looked at. */
const MOST_NAMES = 5

/** How visitors come to it: by its names, its certificate, and what is asked of them. */
export async function checkReach(
  ctx: Context,
  { outside }: Pick<TunnelParts, 'outside'>,
  facts: Facts,
): Promise<TunnelCheck[]> {
  const names = await Promise.all(
    facts.hostnames.slice(0, MOST_NAMES).map((hostname) => look(ctx, outside, facts, hostname)),
  )
  return [worst(names.map(({ name }) => name)), worst(names.map(({ certificate }) => certificate))]
}

/** The first that failed, else the first that warns, else the first. */
function worst(checks: readonly TunnelCheck[]): TunnelCheck {
  for (const status of ['failed', 'warning', 'ok'] as const) {
    const found = checks.find((check) => check.status === status)
    if (found) return found
  }
  return checks[0]!
}

async function look(
  ctx: Context,
  outside: TunnelParts['outside'],
  facts: Facts,
  hostname: string,
): Promise<{ name: TunnelCheck; certificate: TunnelCheck }> {
  const signal = AbortSignal.any([ctx.signal, AbortSignal.timeout(DEADLINE_MS)])
  const addresses = await outside.resolve(hostname, signal).catch(() => [])
  const ofRelays = await relayAddresses(outside, facts, signal)
  const shared = addresses.filter((address) => ofRelays.has(address))
  return {
    name: checkName(hostname, { addresses, shared, ofRelays }),
    certificate: await checkCertificate(outside, facts, { hostname, address: shared[0] }, signal),
  }
}

async function relayAddresses(
  outside: TunnelParts['outside'],
  { relays, url }: Facts,
  signal: AbortSignal,
): Promise<Set<string>> {
  const urls = relays.flatMap((relay) => relay.url ?? [])
  const hosts = [...new Set((urls.length > 0 ? urls : [url]).map((one) => hostIn(one)))]
  const found = await Promise.all(
    hosts.map(async (host) =>
      isIP(host) ? [host] : outside.resolve(host, signal).catch(() => []),
    ),
  )
  return new Set(found.flat())
}

function hostIn(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, '')
}

interface Found {
  addresses: readonly string[]
  shared: readonly string[]
  ofRelays: ReadonlySet<string>
}

function checkName(hostname: string, { addresses, shared, ofRelays }: Found): TunnelCheck {
  const name = 'hostname'
  if (hostname === 'localhost') {
    return { name, status: 'ok', detail: 'Programs of this machine reach it as localhost.' }
  }
  const isLocal = hostname.endsWith('.localhost')
  const wanted = [...ofRelays].join(', ') || 'the relays'
  if (addresses.length === 0 && isLocal) {
    const detail = `Browsers lead ${hostname} to this machine by themselves.`
    const fix = 'Other programs may need it in /etc/hosts, or a Host header.'
    return { name, status: 'skipped', detail, fix }
  }
  if (addresses.length === 0) {
    const fix = `Let the name, or \`*.\` of its domain, lead to ${wanted}.`
    return { name, status: 'failed', detail: `${hostname} has no address here.`, fix }
  }
  if (shared.length === 0 && !isLocal) {
    const detail = `${hostname} leads to ${addresses.join(', ')}, where no relay is known to be.`
    const fix = `Let it lead to ${wanted}, unless something stands in front that passes the Host header on.`
    return { name, status: 'warning', detail, fix }
  }
  return { name, status: 'ok', detail: `${hostname} leads to ${addresses.join(', ')}.` }
}

async function checkCertificate(
  outside: TunnelParts['outside'],
  { url }: Facts,
  { hostname, address }: { hostname: string; address: string | undefined },
  signal: AbortSignal,
): Promise<TunnelCheck> {
  const name = 'certificate'
  const { protocol, port } = new URL(url)
  if (protocol !== 'https:') {
    const detail = `Visitors come by ${protocol.slice(0, -1)}: there is no certificate to look at.`
    return { name, status: 'skipped', detail }
  }
  if (address === undefined) {
    return { name, status: 'skipped', detail: 'The name leads to no relay, so none was asked.' }
  }
  const at = { hostname, address, port: Number(port || 443) }
  const answered = await outside.certificateFault(at, signal).then(
    (fault) => ({ fault }),
    () => undefined,
  )
  const fix = `Give the relays a certificate that covers ${hostname}: TLS_CERT_FILE, or one more in TLS_CERT_DIR.`
  if (!answered) {
    const detail = `Nobody answered by TLS at ${address}, port ${at.port}.`
    return {
      name,
      status: 'failed',
      detail,
      fix: 'See that the port is open and TLS is set up there.',
    }
  }
  if (answered.fault === undefined) return { name, status: 'ok', detail: `It covers ${hostname}.` }
  return { name, status: 'failed', detail: `For ${hostname}: ${answered.fault}.`, fix }
}

export function checkAccess({ row, grants }: Facts): TunnelCheck {
  const name = 'access'
  const { policy, addresses } = row.access
  const who = {
    public: 'Anybody may come.',
    token: `Only those may come who show one of ${grants} tokens and links.`,
    members:
      'Only people may come who sign in, members of the account and those it is shared with.',
    addresses: `Only ${addresses.length} addresses and ranges may come, and holders of ${grants} grants.`,
    password: `Only those may come who know the password, and holders of ${grants} grants.`,
  }[policy]
  const isClosed =
    (policy === 'token' || (policy === 'addresses' && addresses.length === 0)) && grants === 0
  if (!isClosed) return { name, status: 'ok', detail: who }
  const fix = `Make a token or a link: \`POST /api/v1/tunnels/${row.id}/shares\`.`
  return {
    name,
    status: 'warning',
    detail: 'Nobody may come: nothing was made that lets anybody in.',
    fix,
  }
}
