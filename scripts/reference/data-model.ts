import { camelCase } from '../borders/tables.ts'
import { code, page, table } from './markdown.ts'
import { readRowDocs, type RowDocs } from './row-docs.ts'
import { type Column, readTables, type Table } from './sql.ts'

/**
 * The tables of the database.
 *
 * @param migrations the SQL of all migrations, in order
 * @param rowTypes the `tables.ts` of the kernel and of each capability, by the folder's name
 */
export function renderDataModel(migrations: string, rowTypes: ReadonlyMap<string, string>): string {
  const tables = readTables(migrations)
  const groups = [...rowTypes].map(([folder, source]) => {
    const docs = readRowDocs(source)
    const own = tables.filter(({ name }) => docs.has(camelCase(name)))
    return own.length > 0 ? [`## ${folder}`, ...own.flatMap((one) => describe(one, docs))] : []
  })
  return page('Data model', '`server/migrations` and the row types', [
    'Tables by the capability that owns them; no other one reads or writes them. The job queue keeps its own in the schema `pgboss`.',
    ...groups.flat(),
  ])
}

function describe({ name, comment, columns }: Table, docs: RowDocs): string[] {
  const doc = docs.get(camelCase(name))
  const rows = columns.map((column) => [
    code(column.name),
    column.type,
    rulesText(column),
    column.comment || (doc?.members.get(camelCase(column.name)) ?? ''),
  ])
  const what = doc?.row || comment
  return [
    `### ${code(name)}`,
    ...(what ? [what] : []),
    table(['Column', 'Type', 'Rules', 'What it holds'], rows).join('\n'),
  ]
}

/** The rules worth a reader's eye: checks are left to the migrations. */
function rulesText({ rules }: Column): string {
  const parts = [
    /primary key/i.test(rules) ? 'key' : '',
    /unique/i.test(rules) ? 'unique' : '',
    /references (\w+)/i.exec(rules)?.[1]?.replace(/^/, '→ ') ?? '',
    /not null|primary key/i.test(rules) ? '' : 'may be null',
    /default ('[^']*'(?:::\w+)?|[\w.]+(?:\([^()]*\))?)/i
      .exec(rules)?.[1]
      ?.replace(/^/, 'default ') ?? '',
  ]
  return parts.filter(Boolean).join(', ')
}
