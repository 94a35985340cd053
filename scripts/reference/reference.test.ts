import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KEYS } from '../../server/src/kernel/config-keys.ts'
import { loadConfig } from '../../server/src/kernel/config.ts'
import { httpProblems } from '../../server/src/kernel/http/problems.ts'
import { temporaryTree } from '../test/temporary-tree.ts'
import { renderConfiguration, renderEnvExample } from './configuration.ts'
import { renderDataModel } from './data-model.ts'
import { renderErrors } from './errors.ts'
import { schemaText } from './schema-text.ts'
import { readTables } from './sql.ts'
import { staleFiles } from './stale.ts'

test('the configuration page and .env.example hold every name', () => {
  const [page, example] = [renderConfiguration(KEYS, []), renderEnvExample(KEYS)]
  for (const name of Object.keys(KEYS)) {
    assert.match(page, new RegExp(`^\\| \`${name}\` \\| `, 'm'))
    assert.match(example, new RegExp(`^#${name}=`, 'm'))
  }
  assert.match(page, /\| `PORT` \| `8700` \|/)
  assert.match(page, /One of `open`, `invite`, `closed`\./)
})

test('.env.example with its defaults uncommented is a valid configuration, the one of an empty environment', () => {
  const lines = renderEnvExample(KEYS).matchAll(/^#([A-Z0-9_]+)=(.+)$/gm)
  const uncommented = Object.fromEntries([...lines].map(([, name, value]) => [name!, value!]))
  assert.deepEqual(loadConfig(uncommented), loadConfig({}))
})

test('the error catalogue holds each code once, with a place to link to', () => {
  const page = renderErrors([], httpProblems)
  for (const { kind } of Object.values(httpProblems)) {
    assert.equal(page.split(`<a id="${kind.code}"></a>`).length, 2)
  }
})

test('tables are read as all migrations together leave them', () => {
  const tables = readTables(`
    -- Of the file, not of the table.

    -- Who pays; never; a stranger.
    create table accounts (
      id text primary key,
      -- Shown, as written.
      name text not null check (length(name) between 1 and 9),
      cents numeric(10, 2) default 0,
      parent_id text references accounts (id),
      constraint c unique (name)
    );
    create function f() returns void as $$ begin create table no (a int); end $$;
    create table gone (a int);
    create table accounts_other partition of accounts default;
    alter table accounts add column kind text not null default 'a,b', drop column parent_id;
    alter table accounts rename column name to title;
    alter table accounts add constraint d check (cents > 0);
    create table pairs (a int, b int not null, primary key (a, b));
    alter table pairs rename to couples;
    drop table gone;`)
  const comment = 'Who pays; never; a stranger.'
  assert.deepEqual(tables, [
    {
      ...{ name: 'accounts', comment },
      columns: [
        { name: 'id', type: 'text', rules: 'primary key', comment: '' },
        {
          ...{ name: 'title', type: 'text' },
          rules: 'not null check (length(name) between 1 and 9)',
          comment: 'Shown, as written.',
        },
        { name: 'cents', type: 'numeric(10, 2)', rules: 'default 0', comment: '' },
        { name: 'kind', type: 'text', rules: "not null default 'a,b'", comment: '' },
      ],
    },
    {
      ...{ name: 'couples', comment: '' },
      columns: [
        { name: 'a', type: 'int', rules: 'primary key', comment: '' },
        { name: 'b', type: 'int', rules: 'not null primary key', comment: '' },
      ],
    },
  ])
})

test('the data model says what comments and row types say, and whose a table is', () => {
  const rowTypes = `
    /** One row per person. */
    export interface PersonTable {
      id: string
      /**
       * Folded; unique.
       */
      emailKey: string
    }
    declare module '#kernel/db.ts' { interface Tables { people: PersonTable } }`
  const migrations = `create table people (id text primary key, email_key text not null unique, boss_id text references people (id));`
  const page = renderDataModel(migrations, new Map([['identity', rowTypes]]))
  assert.deepEqual(page.split('\n').slice(6), [
    ...['## identity', '', '### `people`', '', 'One row per person.', ''],
    '| Column | Type | Rules | What it holds |',
    '| --- | --- | --- | --- |',
    '| `id` | text | key |  |',
    '| `email_key` | text | unique | Folded; unique. |',
    '| `boss_id` | text | → people, may be null |  |',
    '',
  ])
})

test('a schema is told in one line', () => {
  const pair = { type: 'object', properties: { a: { type: 'integer' } }, required: [] }
  assert.equal(schemaText({ type: 'array', items: pair }), '{ a?: integer }[]')
  assert.equal(schemaText({ anyOf: [{ enum: ['x', 1] }, { type: 'null' }] }), `'x' | 1 | null`)
  assert.equal(
    schemaText({ type: 'array', items: { anyOf: [{ type: 'string' }, {}] } }),
    '(string | anything)[]',
  )
})

test('a generated file that is missing or differs is stale', async () => {
  const root = await temporaryTree({ 'same.md': 'a', 'other.md': 'b' })
  const wanted = { 'same.md': 'a', 'other.md': 'a', 'missing.md': 'a' }
  assert.deepEqual(staleFiles(root, wanted), ['other.md', 'missing.md'])
})
