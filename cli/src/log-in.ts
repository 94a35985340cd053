import { createClient, GantryError } from '@gantry/sdk'
import { keepLogin, passProxy, readUrl } from './credentials.ts'
import { readLine } from './read-line.ts'
import { Stop } from './stop.ts'

/** Tries the key, and keeps it. @throws Stop when it does not count there */
export async function logIn(args: { url?: string; key?: string }): Promise<void> {
  const url = readUrl(args.url ?? (process.env.GANTRY_URL || 'http://127.0.0.1:8700'))
  const apiKey = (args.key ?? (await readLine('API key: '))).trim()
  if (apiKey === '') throw new Stop('No key was given: make one at the console, under API keys.')
  passProxy()
  const email = await emailOf(url, apiKey)
  const file = await keepLogin({ url, apiKey })
  process.stdout.write(`You act as ${email} at ${url}. Kept in ${file}.\n`)
}

async function emailOf(url: string, accessToken: string): Promise<string> {
  try {
    const { data } = await createClient({ url, accessToken }).GET('/api/v1/users/me')
    return data.email
  } catch (error) {
    if (!(error instanceof GantryError) || error.status !== 401) throw error
    throw new Stop(`${url} does not take this key: ${error.detail}`, 4)
  }
}
