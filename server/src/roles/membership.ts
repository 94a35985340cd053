import { X509Certificate } from 'node:crypto'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { type Config, ConfigError, isLoopback } from '#kernel/config.ts'
import { systemClock } from '#kernel/clock.ts'
import type { Home } from '#kernel/home.ts'

/** What a join bought; kept in the data directory, so that a process that is started again is the same node or relay. */
export interface Membership {
  credential: string
  publicKeys: readonly Record<string, unknown>[]
  /** Of the control plane that it joined. */
  url: string
  /** Of the certificate that it joined with. */
  fingerprint: string
}

export interface Certificate {
  cert: string
  key: string
  /** SHA-256, `AB:CD:…`: by this alone it is known. */
  fingerprint: string
}

const CERTIFICATE_DAYS = 3_650

const membershipFile = (home: Home) => join(home.keys, 'membership.json')

/** Its presence in the data directory says that the process has left, and is not to be started again by whoever keeps it. */
export const leftFile = ({ run }: Pick<Home, 'run'>) => join(run, 'left')

/** Nothing for one of another control plane, or of another certificate. */
export async function recallMembership<Kept extends Membership>(
  home: Home,
  { CONTROL_PLANE_URL }: Config,
  { fingerprint }: Certificate,
): Promise<Kept | undefined> {
  const kept = await readJson<Kept>(membershipFile(home))
  if (kept?.fingerprint !== fingerprint) return undefined
  return kept.url === CONTROL_PLANE_URL ? kept : undefined
}

export function keepMembership(home: Home, membership: Membership): Promise<void> {
  return writeJson(membershipFile(home), membership)
}

export async function forgetMembership(home: Home): Promise<void> {
  await rm(membershipFile(home), { force: true })
}

/** Made once for a data directory. */
export async function ownCertificate(home: Home): Promise<Certificate> {
  const file = join(home.keys, 'node-tls.json')
  const kept = await readJson<Certificate>(file)
  if (kept) return kept
  const notAfterDate = new Date(systemClock.now().getTime() + CERTIFICATE_DAYS * 86_400_000)
  // It is needed once in the life of a data directory.
  const { generate } = await import('selfsigned')
  const made = await generate([{ name: 'commonName', value: 'gantry' }], {
    ...{ keyType: 'ec', curve: 'P-256', algorithm: 'sha256', notAfterDate },
  })
  const fingerprint = new X509Certificate(made.cert).fingerprint256
  const certificate = { cert: made.cert, key: made.private, fingerprint }
  await writeJson(file, certificate)
  return certificate
}

/** Where the control plane, and relays, reach this process. */
export function advertisedUrl({ ADVERTISE_URL, HOST }: Config, port: number): string {
  if (ADVERTISE_URL) return ADVERTISE_URL
  const host = HOST === '0.0.0.0' || HOST === '::' ? hostname() : HOST
  return `https://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** @throws ConfigError that says what a process without a database needs beside what every process does */
export function checkMemberConfig(
  { CONTROL_PLANE_URL, JOIN_TOKEN, ADVERTISE_URL, HOST }: Config,
  what: 'node' | 'relay',
  isMember: boolean,
): void {
  const wrong: string[] = []
  if (!CONTROL_PLANE_URL) {
    wrong.push(`CONTROL_PLANE_URL: a ${what} needs the address of the API that it works for`)
  }
  if (!JOIN_TOKEN && !isMember) {
    wrong.push(`JOIN_TOKEN: a ${what} joins with one; make it with POST /api/v1/fleet/join-tokens`)
  }
  if (ADVERTISE_URL && !ADVERTISE_URL.startsWith('https:')) {
    wrong.push(
      `ADVERTISE_URL: must be an https URL: a ${what} speaks TLS, with a certificate of its own`,
    )
  }
  const isFar = CONTROL_PLANE_URL && !isLoopback(hostOf(CONTROL_PLANE_URL))
  if (isFar && !ADVERTISE_URL && isLoopback(HOST)) {
    wrong.push(
      `HOST is '${HOST}': the API on another machine cannot reach that; set 0.0.0.0, or ADVERTISE_URL`,
    )
  }
  if (wrong.length > 0) throw new ConfigError(wrong)
}

function hostOf(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, '')
}

/** Nothing when there is no such file, or a crash has spoilt it. */
async function readJson<Kept>(file: string): Promise<Kept | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Kept
  } catch {
    return undefined
  }
}

async function writeJson(file: string, value: unknown): Promise<void> {
  await writeFile(`${file}.new`, JSON.stringify(value), { mode: 0o600, flush: true })
  await rename(`${file}.new`, file)
}
