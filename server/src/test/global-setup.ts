import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import pino from 'pino'
import { openHome } from '#kernel/home.ts'
import { migrateAll } from '../parts/migrations.ts'
import { EmbeddedPostgres } from '#kernel/postgres/embedded-postgres.ts'
import { findUsers } from '#kernel/unprivileged.ts'
import { makeDirectory } from './directory.ts'
import { SERVER_VARIABLE, TEMPLATE } from './database.ts'

let server: EmbeddedPostgres | undefined
let directory: string | undefined

/** One PostgreSQL for all test files, and a migrated database that each of them clones. */
export async function globalSetup(): Promise<void> {
  const log = pino({ level: 'silent' })
  const users = await findUsers()
  directory = await makeDirectory('gantry-test')
  const home = await openHome({ wanted: join(directory, 'home'), checkout: directory, users })
  server = await EmbeddedPostgres.open({ home, users, log, durability: 'test' })
  const address = { ...server.address, database: TEMPLATE }
  await createTemplate(server)
  await migrateAll({ address, log })
  process.env[SERVER_VARIABLE] = JSON.stringify(server.address)
}

export async function globalTeardown(): Promise<void> {
  await server?.[Symbol.asyncDispose]()
  if (directory) await rm(directory, { recursive: true, force: true })
}

async function createTemplate(server: EmbeddedPostgres): Promise<void> {
  const { default: pg } = await import('pg')
  const client = new pg.Client(server.address)
  await client.connect()
  await client.query(`create database ${TEMPLATE}`)
  await client.end()
}
