import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkBorders } from '../check-borders.ts'
import { temporaryTree } from '../test/temporary-tree.ts'

/** What the check says about a checkout with these files, as `path:line message`. */
async function check(files: Record<string, string>): Promise<string[]> {
  const root = await temporaryTree(files)
  return checkBorders(root).map(({ path, line, message }) => `${path}:${line} ${message}`)
}

const tables = (name: string) =>
  `declare module '#kernel/db.ts' { interface Tables { ${name}: object } }`

test('a tree that keeps to the borders passes', async () => {
  const found = await check({
    'server/migrations/0001_tunnels.sql':
      'create table tunnels (id text);\ncreate table tunnels_other partition of tunnels default;',
    'server/src/app.ts': `import { tunnels } from '#tunnels/index.ts'; import '#kernel/db.ts'`,
    'server/src/kernel/db.ts': `export interface Tables {}`,
    'server/src/kernel/clock.ts': `export const now = () => new Date()`,
    'server/src/tunnels/tables.ts': tables('tunnels'),
    'server/src/tunnels/index.ts': `export * from './service.ts'`,
    'server/src/tunnels/service.ts': `
      import '#relays/index.ts'
      import { fetch } from '#kernel/db.ts'
      const at = new Date(0)
      await fetch(at)
      const rows = await ctx.db.selectFrom('tunnels as t').selectAll().execute()`,
    'server/src/relays/index.ts': `import '../kernel/db.ts'`,
    'server/src/tunnels/tunnels.test.ts': `
      import '#test/app.ts'; import '../app.ts'; import '#relays/index.ts'
      process.env.A = String(Date.now()); await fetch('http://127.0.0.1')
      await app.db.selectFrom('relays').execute()`,
    'server/src/test/app.ts': `import '../app.ts'; import '@gantry/sdk'`,
    'sdk/src/index.ts': `import 'openapi-fetch'; fetch(process.env.GANTRY_URL)`,
    'cli/src/main.ts': `import '@gantry/sdk'; import '@gantry/server/app.ts'`,
    'cli/bin/gantry.mjs': `import '../../scripts/lib/child.mjs'`,
  })
  assert.deepEqual(found, [])
})

test('imports against the direction are named', async () => {
  const found = await check({
    'server/src/kernel/a.ts': `import '#tunnels/index.ts'\nimport '../app.ts'`,
    'server/src/tunnels/a.ts': `\nimport type { B } from '#relays/service.ts'`,
    'server/src/tunnels/b.ts': `const late = await import('../relays/service.ts')`,
    'server/src/tunnels/c.ts': `export { app } from '../app.ts'`,
    'server/src/tunnels/d.ts': `import '#test/app.ts'\nimport './tunnels.test.ts'`,
    'server/src/tunnels/e.ts': `import '@gantry/sdk'`,
    'server/src/app.ts': `import './tunnels/a.ts'`,
    'server/src/parts/core.ts': `import '../roles/front.ts'`,
    'server/src/roles/front.ts': `import '../parts/core.ts'\nimport '#tunnels/index.ts'`,
    'server/src/tunnels/tunnels.test.ts': `import '#relays/service.ts'`,
    'sdk/src/index.ts': `import '@gantry/server'`,
    'cli/src/main.ts': `import '@gantry/server/tunnels/index.ts'\nimport '../../scripts/lib/a.mjs'`,
  })
  assert.deepEqual(found, [
    'cli/src/main.ts:1 the cli workspace imports server/src/tunnels/index.ts; it may use the SDK and the entry files of the server',
    'cli/src/main.ts:2 the cli workspace imports scripts/lib/a.mjs; it may use the SDK and the entry files of the server',
    'sdk/src/index.ts:1 the sdk workspace imports server/src/serve.ts; it may use the SDK',
    'server/src/app.ts:1 imports server/src/tunnels/a.ts: of another capability, only #tunnels/index.ts',
    'server/src/kernel/a.ts:1 the kernel imports server/src/tunnels/index.ts: it knows nothing above it',
    'server/src/kernel/a.ts:2 the kernel imports server/src/app.ts: it knows nothing above it',
    'server/src/parts/core.ts:1 parts import server/src/roles/front.ts: roles are made of parts, not the other way round',
    'server/src/tunnels/a.ts:2 imports server/src/relays/service.ts: of another capability, only #relays/index.ts',
    'server/src/tunnels/b.ts:1 imports server/src/relays/service.ts: of another capability, only #relays/index.ts',
    'server/src/tunnels/c.ts:1 a capability imports server/src/app.ts, which is above it',
    'server/src/tunnels/d.ts:1 product code imports server/src/test/app.ts, which is for tests',
    'server/src/tunnels/d.ts:2 product code imports server/src/tunnels/tunnels.test.ts, which is for tests',
    'server/src/tunnels/e.ts:1 the server imports sdk/src/index.ts of another workspace',
    'server/src/tunnels/tunnels.test.ts:1 imports server/src/relays/service.ts: of another capability, only #relays/index.ts',
  ])
})

test('a cycle of capabilities is shown with the whole way round', async () => {
  const found = await check({
    'server/src/a/index.ts': `import '#b/index.ts'`,
    'server/src/b/index.ts': `import '#c/index.ts'`,
    'server/src/c/index.ts': `import type { A } from '#a/index.ts'`,
    'server/src/d/index.ts': `import '#a/index.ts'`,
  })
  assert.deepEqual(found, [
    'server/src/a/index.ts:1 a cycle: a → b → c → a',
    'server/src/b/index.ts:1 a cycle: b → c → a → b',
    'server/src/c/index.ts:1 a cycle: c → a → b → c',
  ])
})

test('a folder or file called utils or helpers is refused', async () => {
  const found = await check({
    'server/src/kernel/utils/text.ts': '',
    'sdk/src/helpers.ts': '',
    'cli/src/utility-bill.ts': '',
  })
  assert.equal(found.length, 2)
})

test('another capability’s table is refused in queries, joins and SQL, the kernel’s too', async () => {
  const migration = `create table tunnels ();\ncreate table pages ();\ncreate table job_progress ();`
  const found = await check({
    'server/migrations/0001.sql': migration,
    'server/src/kernel/tables.ts': `export interface KernelTables { jobProgress: object }`,
    'server/src/tunnels/tables.ts': tables('tunnels'),
    'server/src/relays/tables.ts': tables('pages'),
    'server/src/relays/a.ts': [
      `await db.selectFrom(['pages', 'tunnels as t']).execute()`,
      `await db.deleteFrom('pages').innerJoin('tunnels', 'a', 'b').execute()`,
      'await sql`select 1 from pages p join tunnels t on t.id = ${id}`.execute(db)',
      `await client.query('update tunnels set a = 1')`,
      'const lines = sql`select from "job_progress"`',
      `summary('Take pages from tunnels')`,
    ].join('\n'),
  })
  const message = (table: string, owner: string) =>
    `names the table '${table}' of ${owner}: call one of its functions`
  assert.deepEqual(found, [
    ...[1, 2, 3, 4].map(
      (line) => `server/src/relays/a.ts:${line} ${message('tunnels', 'tunnels')}`,
    ),
    `server/src/relays/a.ts:5 ${message('jobProgress', 'kernel')}`,
  ])
})

test('a table has one declaration, in a tables.ts, and a migration', async () => {
  const found = await check({
    'server/migrations/0001.sql': `create table tunnels ();\ncreate table if not exists old_names ();`,
    'server/migrations/0002.sql': `create table lost ();\nalter table old_names rename to names;\ndrop table if exists lost;`,
    'server/src/tunnels/tables.ts': tables('tunnels'),
    'server/src/tunnels/rows.ts': tables('names'),
    'server/src/relays/tables.ts': tables('tunnels'),
    'server/src/pages/tables.ts': tables('pages'),
  })
  assert.deepEqual(found, [
    `server/src/tunnels/rows.ts:1 declares 'names' outside of a tables.ts`,
    `server/src/tunnels/tables.ts:1 declares 'tunnels', as server/src/relays/tables.ts does`,
    `server/src/pages/tables.ts:1 declares 'pages', which no migration makes`,
  ])
  const bare = await check({ 'server/migrations/0001.sql': 'create table loose ();' })
  assert.deepEqual(bare, [`server/migrations:1 make 'loose', which no tables.ts declares`])
})

test('a query that is never run is found', async () => {
  const found = await check({
    'server/src/a/a.ts': [
      `db.updateTable('a').set({ b: 1 })`,
      `await db.deleteFrom('a').where('b', '=', 1)`,
      `await db.deleteFrom('a').execute()`,
      `const open = db.selectFrom('a')`,
    ].join('\n'),
  })
  assert.deepEqual(
    found.map((line) => line.split(' ')[0]),
    ['server/src/a/a.ts:1', 'server/src/a/a.ts:2'],
  )
})

test('product code that reads the environment or the clock, or calls out by itself, is found', async () => {
  const found = await check({
    'server/src/a/a.ts': [
      `const home = process.env.HOME`,
      `const { env } = process`,
      `const at = Date.now()`,
      `const now = new Date()`,
      `const text = Date()`,
      `await fetch(url)`,
      `await globalThis.fetch(url)`,
      `import { request } from 'undici'`,
    ].join('\n'),
  })
  const kinds = found.map((line) => line.replace('server/src/a/a.ts:', '').split(':')[0] ?? '')
  assert.deepEqual(kinds.sort(), [
    '1 reads the environment',
    '2 reads the environment',
    '3 reads the clock',
    '4 reads the clock',
    '5 reads the clock',
    '6 calls out by itself',
    '7 calls out by itself',
    '8 calls out by itself',
  ])
})
