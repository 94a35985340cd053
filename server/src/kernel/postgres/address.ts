import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Home } from '../home.ts'
import { writePrivateFile } from './private-file.ts'

const EmbeddedAddress = z.object({
  /** Directory of the Unix socket. */
  host: z.string(),
  port: z.number(),
  user: z.string(),
  password: z.string(),
  database: z.string(),
})

/** How to reach the embedded server. The same across its restarts. */
export type EmbeddedAddress = z.output<typeof EmbeddedAddress>

/** For the roles that use the server and never start one. @throws Error when no role has started it. */
export async function readAddress(home: Home): Promise<EmbeddedAddress> {
  const text = await readFile(pathOf(home), 'utf8').catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'ENOENT') throw cause
    throw new Error(
      `No PostgreSQL runs on ${home.path}. Start a process with the role api on this data ` +
        'directory first, or set DATABASE_URL.',
      { cause },
    )
  })
  return EmbeddedAddress.parse(JSON.parse(text))
}

export async function writeAddress(home: Home, address: EmbeddedAddress): Promise<void> {
  await writePrivateFile(pathOf(home), `${JSON.stringify(address)}\n`)
}

export async function removeAddress(home: Home): Promise<void> {
  await rm(pathOf(home), { force: true })
}

function pathOf(home: Home): string {
  return join(home.run, 'postgres.json')
}
