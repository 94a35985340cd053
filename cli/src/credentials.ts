import { chmod, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Gantry } from '@gantry/sdk'
import type { AgentCalls } from '@gantry/sdk/tunnels'
import { Stop } from './stop.ts'

export interface Login {
  url: string
  apiKey: string
}

const DEFAULT_URL = 'http://127.0.0.1:8700'
const PROXIES = ['https_proxy', 'http_proxy'] as const
const OWN_HOSTS = 'localhost,.localhost,127.0.0.1,::1'

/** Where this person's settings are, on this machine. */
export function configurationFolder(env = process.env): string {
  return join(env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'gantry')
}

const loginFile = () => join(configurationFolder(), 'credentials.json')

/** What `gantry login` has kept. @throws Stop when others may read it */
async function readLogin(): Promise<Login | undefined> {
  const file = loginFile()
  try {
    const { mode } = await stat(file)
    if (mode & 0o077) throw new Stop(`Others can read ${file}: run chmod 600 on it.`)
    return JSON.parse(await readFile(file, 'utf8')) as Login
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    if (error instanceof SyntaxError) throw new Stop(`${file} is broken: run gantry login again.`)
    throw error
  }
}

/** Keeps it for this person alone; returns where. */
export async function keepLogin(login: Login): Promise<string> {
  const file = loginFile()
  await mkdir(configurationFolder(), { recursive: true, mode: 0o700 })
  const fresh = `${file}.${process.pid}`
  await writeFile(fresh, `${JSON.stringify(login, undefined, 2)}\n`, { mode: 0o600 })
  await chmod(fresh, 0o600)
  await rename(fresh, file)
  return file
}

export async function forgetLogin(): Promise<void> {
  await rm(loginFile(), { force: true })
}

/** Without a slash at the end. @throws Stop */
export function readUrl(text: string): string {
  const url = URL.parse(text)
  if (url && /^https?:$/.test(url.protocol)) return url.href.replace(/\/+$/, '')
  throw new Stop(`'${text}' is not the URL of a Gantry, such as https://gantry.example.com`)
}

/**
 * A client with the environment's `GANTRY_URL` and `GANTRY_API_KEY`, else with what `gantry login` has kept. A kept key is sent to no
 * other server than the one that it was kept for.
 *
 * @throws Stop when there is no key
 */
export async function openClient(env = process.env): Promise<{ client: Gantry; url: string }> {
  const key = await readKey(env)
  passProxy(env)
  const { createClient } = await import('@gantry/sdk')
  return { client: createClient(key), url: key.url }
}

/** The same for an agent, which begins sooner where no proxy is on its way. @throws Stop when there is no key */
export async function openAgentCalls(
  env = process.env,
): Promise<{ calls: AgentCalls; url: string }> {
  if (hasProxy(env)) {
    const { client, url } = await openClient(env)
    return { calls: client, url }
  }
  const key = await readKey(env)
  const { keyCalls } = await import('@gantry/sdk/tunnels')
  return { calls: keyCalls(key), url: key.url }
}

async function readKey(env: NodeJS.ProcessEnv): Promise<{ url: string; accessToken: string }> {
  const kept = await readLogin()
  const url = readUrl(env.GANTRY_URL || kept?.url || DEFAULT_URL)
  const accessToken = env.GANTRY_API_KEY || (kept?.url === url ? kept.apiKey : undefined)
  if (!accessToken) throw new Stop(`There is no key for ${url}: run gantry login first.`)
  return { url, accessToken }
}

/** Calls of the API go through the proxy of the environment too, unless they stay on this machine. @throws Stop for a proxy that is none */
export function passProxy(env = process.env): void {
  if (!hasProxy(env)) return
  const exempt = [env.no_proxy || env.NO_PROXY, OWN_HOSTS].filter(Boolean).join()
  const proxies = Object.fromEntries(PROXIES.map((name) => [name, readProxy(name, env)]))
  process.getBuiltinModule('node:http').setGlobalProxyFromEnv({ ...proxies, no_proxy: exempt })
}

function hasProxy(env: NodeJS.ProcessEnv): boolean {
  return PROXIES.some((name) => Boolean(env[name] || env[name.toUpperCase()]))
}

/** As in curl: lower case wins, and `proxy:3128` is one too. */
function readProxy(name: string, env: NodeJS.ProcessEnv): string | undefined {
  const text = env[name] || env[name.toUpperCase()]
  if (!text) return undefined
  const proxy = URL.parse(text.includes('://') ? text : `http://${text}`)
  if (proxy && /^https?:$/.test(proxy.protocol)) return proxy.href
  throw new Stop(`${name.toUpperCase()} is not the URL of an HTTP proxy, such as http://proxy:3128`)
}
