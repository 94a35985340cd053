import { defineCommand, runMain } from 'citty'
import { VERSION } from '@gantry/server/version.ts'
import { login, logout } from './login.ts'
import { readLine } from './read-line.ts'
import { tunnel } from './tunnel/commands.ts'

const LINGER_MS = 1_000

const serve = defineCommand({
  meta: { name: 'serve', description: 'Run the server until it is asked to stop' },
  args: {
    roles: {
      type: 'string',
      description: 'What this process does: api,worker,relay,node (default: all)',
    },
    port: { type: 'string', description: 'Port of the API and the console (default: 8700)' },
    host: { type: 'string', description: 'Address to listen on (default: 127.0.0.1)' },
  },
  async run({ args }) {
    const { serve } = await import('@gantry/server/serve.ts')
    process.exitCode = await serve({
      ...(args.roles && { ROLES: args.roles }),
      ...(args.port && { PORT: args.port }),
      ...(args.host && { HOST: args.host }),
    })
    // What is still open has had its time; without any of it the process ends at once.
    setTimeout(() => process.exit(), LINGER_MS).unref()
  },
})

const migrate = defineCommand({
  meta: { name: 'migrate', description: 'Bring the database to the newest version, and stop' },
  async run() {
    const { migrateCommand } = await import('@gantry/server/commands.ts')
    await migrateCommand()
  },
})

const createAdmin = defineCommand({
  meta: { name: 'create', description: 'Make a super-admin' },
  args: {
    email: { type: 'string', required: true, description: 'Their e-mail address' },
    password: {
      type: 'string',
      description: 'Their password; read from standard input unless given',
    },
  },
  async run({ args }) {
    const { createAdminCommand } = await import('@gantry/server/commands.ts')
    await createAdminCommand({
      email: args.email,
      password: args.password ?? (await readLine('Password: ')),
    })
  },
})

const clearAllowlist = defineCommand({
  meta: { name: 'clear', description: 'Let staff in from every address again' },
  async run() {
    const { clearAllowlistCommand } = await import('@gantry/server/commands.ts')
    await clearAllowlistCommand()
  },
})

const allowlist = defineCommand({
  meta: { name: 'allowlist', description: 'Manage from which addresses staff may work' },
  subCommands: { clear: clearAllowlist },
})

const admin = defineCommand({
  meta: { name: 'admin', description: 'Manage the people who run this installation' },
  subCommands: { create: createAdmin, allowlist },
})

const verifyAudit = defineCommand({
  meta: { name: 'verify', description: 'Find out whether anybody has changed the audit log' },
  args: {
    from: { type: 'string', description: 'First sequence number (default: 1)' },
    to: { type: 'string', description: 'Last sequence number (default: the newest)' },
    head: { type: 'string', description: 'File with a signed head that was kept elsewhere' },
  },
  async run({ args: { from, to, head } }) {
    const range = { ...(from && { from: rowNumber(from) }), ...(to && { to: rowNumber(to) }) }
    const { verifyAuditCommand } = await import('@gantry/server/commands.ts')
    await verifyAuditCommand({ ...range, ...(head && { head }) })
  },
})

function rowNumber(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text)
  throw new Error(`'${text}' is not a sequence number: give a whole number from 1 on`)
}

const audit = defineCommand({
  meta: { name: 'audit', description: 'Look after the audit log' },
  subCommands: { verify: verifyAudit },
})

const secretsStatus = defineCommand({
  meta: {
    name: 'status',
    description: 'Show the keys that seal secrets, and what they have sealed',
  },
  async run() {
    const { showSealingKeys } = await import('@gantry/server/key-commands.ts')
    await showSealingKeys()
  },
})

const secretsRotate = defineCommand({
  meta: { name: 'rotate', description: 'Add a key, and seal every secret anew with it' },
  args: {
    prepare: {
      type: 'boolean',
      description: 'Only make the key’s file, to copy it to other machines first',
    },
  },
  async run({ args }) {
    const { rotateSealingKeys } = await import('@gantry/server/key-commands.ts')
    await rotateSealingKeys(args.prepare ?? false)
  },
})

const secretsRetire = defineCommand({
  meta: { name: 'retire', description: 'Give up a key that nothing is sealed with any more' },
  args: { id: { type: 'positional', required: true, description: 'Its id' } },
  async run({ args }) {
    const { retireSealingKey } = await import('@gantry/server/key-commands.ts')
    await retireSealingKey(args.id)
  },
})

const secrets = defineCommand({
  meta: { name: 'secrets', description: 'Manage the keys that seal secrets in the database' },
  subCommands: { status: secretsStatus, rotate: secretsRotate, retire: secretsRetire },
})

const keysRotate = defineCommand({
  meta: { name: 'rotate', description: 'Publish the next key that signs access tokens' },
  args: {
    emergency: {
      type: 'boolean',
      description: 'Drop every key at once, and with them every access token',
    },
  },
  async run({ args }) {
    const { rotateTokenKeys } = await import('@gantry/server/key-commands.ts')
    await rotateTokenKeys(args.emergency ?? false)
  },
})

const keys = defineCommand({
  meta: { name: 'keys', description: 'Manage the keys that sign access tokens' },
  subCommands: { rotate: keysRotate },
})

const version = defineCommand({
  meta: { name: 'version', description: 'Print the version' },
  run: () => void process.stdout.write(`${VERSION}\n`),
})

await runMain(
  defineCommand({
    meta: { name: 'gantry', version: VERSION, description: 'A self-hosted browser cloud' },
    subCommands: {
      ...{ serve, tunnel, login, logout },
      ...{ migrate, admin, audit, keys, secrets, version },
    },
  }),
)
