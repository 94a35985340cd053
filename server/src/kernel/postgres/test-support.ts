import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import pg from 'pg'
import { pino } from 'pino'
import type { Home } from '../home.ts'
import { processTable } from '../processes.ts'
import { Script, temporaryHome } from '../test-support.ts'
import { findUsers } from '../unprivileged.ts'
import type { EmbeddedAddress } from './address.ts'
import { EmbeddedPostgres } from './embedded-postgres.ts'
import { clusterName } from './server-process.ts'

export const users = await findUsers()
const silent = pino({ level: 'silent' })

type Durability = 'full' | 'test'

export function open(home: Home, durability: Durability = 'test'): Promise<EmbeddedPostgres> {
  return EmbeddedPostgres.open({ home, users, log: silent, durability })
}

// Made while the test file loads, so that it is removed with the file and not with the first test that copies it.
const template = await temporaryHome()
await (await open(template)).stop()

/** A home whose database is already made: a copy, since to make one takes a second. */
export async function preparedHome(path?: string): Promise<Home> {
  const home = await temporaryHome(path)
  for (const part of ['keys', 'postgres'] as const) {
    await promisify(execFile)('cp', ['-a', `${template[part]}/.`, home[part]])
  }
  return home
}

/** Another process of ours that opens the server, prints a line, goes on with `code`, and then stays. */
export function openElsewhere(
  home: Home,
  { durability = 'test', code = '' }: { durability?: Durability; code?: string } = {},
): Script {
  return new Script(
    { pino: 'pino', EmbeddedPostgres: './postgres/embedded-postgres.ts' },
    `const postgres = await EmbeddedPostgres.open({
       home: ${JSON.stringify(home)},
       users: ${JSON.stringify(users)},
       log: pino({ level: 'silent' }),
       durability: '${durability}',
     })
     process.stdout.write('open\\n')
     ${code}
     setInterval(() => {}, 1000)`,
  )
}

/** The first column of the first row, over a connection of its own. */
export async function ask(address: EmbeddedAddress, sql: string): Promise<unknown> {
  const client = new pg.Client({ ...address, connectionTimeoutMillis: 2_000 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    const { rows } = await client.query({ text: sql, rowMode: 'array' })
    return rows[0]?.[0]
  } finally {
    await client.end()
  }
}

/** Title or command line of everything alive that belongs to the data directory. */
export function processesOf({ postgres }: Home): string[] {
  const title = clusterName(`${postgres}/data`)
  return processTable()
    .filter(({ state }) => state !== 'Z')
    .map(({ cmdline }) => cmdline.join(' '))
    .filter((line) => line.includes(`${postgres}/`) || line.includes(title))
}
