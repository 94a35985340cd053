import { isTest, type Source, type Violation, visit } from './source.ts'

/** Who a table belongs to, by its TypeScript name. */
type Owners = ReadonlyMap<string, { folder: string; path: string; line: number }>

const DECLARING = { module: '#kernel/db.ts', interface: 'Tables' }
const KERNEL = { path: 'server/src/kernel/tables.ts', interface: 'KernelTables' }
const QUERY_METHODS =
  /^(select|insert|update|delete|merge|replace)(From|Into|Table)$|^(inner|left|right|full|cross)Join|^(from|using|table)$/
const SQL_METHODS = /^(query|executeSql|raw)$/
const NAMES_IN_SQL = /\b(?:from|join|into|update|only|table)\s+(?:only\s+)?"?([a-z_][a-z0-9_]*)/gi

/** Each table is declared once, in its capability's `tables.ts`, and no other capability names it. */
export function checkTables(sources: readonly Source[], migrations: string): Violation[] {
  const { owners, violations } = findOwners(sources)
  const foreign = sources
    .filter(({ path }) => path.startsWith('server/src/') && !isTest(path))
    .flatMap((source) =>
      tablesNamed(source).flatMap(({ table, line }) => {
        const owner = owners.get(table)
        if (!owner || owner.folder === folderOf(source.path)) return []
        const message = `names the table '${table}' of ${owner.folder}: call one of its functions`
        return [{ path: source.path, line, message }]
      }),
    )
  return [...violations, ...foreign, ...compareWithMigrations(owners, migrations)]
}

function findOwners(sources: readonly Source[]): {
  owners: Owners
  violations: Violation[]
} {
  const owners = new Map<string, { folder: string; path: string; line: number }>()
  const violations: Violation[] = []
  for (const source of sources) {
    for (const { table, line } of tablesDeclared(source)) {
      const { path } = source
      const first = owners.get(table)
      if (first) {
        violations.push({ path, line, message: `declares '${table}', as ${first.path} does` })
      } else owners.set(table, { folder: folderOf(path), path, line })
      if (!/^server\/src\/\w+\/tables\.ts$/.test(path)) {
        violations.push({ path, line, message: `declares '${table}' outside of a tables.ts` })
      }
    }
  }
  return { owners, violations }
}

function tablesDeclared(source: Source): { table: string; line: number }[] {
  const found: { table: string; line: number }[] = []
  let open: string | undefined
  visit(source, {
    TSModuleDeclaration: ({ id }) => {
      if (id.type === 'Literal' && id.value === DECLARING.module) open = DECLARING.interface
    },
    'TSModuleDeclaration:exit': () => {
      open = undefined
    },
    TSInterfaceDeclaration: ({ id, body }) => {
      const isKernels = source.path === KERNEL.path && id.name === KERNEL.interface
      if (id.name !== open && !isKernels) return
      for (const member of body.body) {
        if (member.type !== 'TSPropertySignature' || member.key.type !== 'Identifier') continue
        found.push({ table: member.key.name, line: source.lineOf(member.start) })
      }
    },
  })
  return found
}

function tablesNamed(source: Source): { table: string; line: number }[] {
  const found: { table: string; line: number }[] = []
  const add = (table: string, start: number) => found.push({ table, line: source.lineOf(start) })
  const addSql = (sql: string, start: number) => {
    for (const [, name] of sql.matchAll(NAMES_IN_SQL)) add(camelCase(name!), start)
  }
  visit(source, {
    TaggedTemplateExpression: ({ tag, quasi, start }) => {
      if (tag.type === 'Identifier' && tag.name === 'sql') addSql(textOf(quasi), start)
    },
    CallExpression: ({ callee, arguments: [first], start }) => {
      if (callee.type !== 'MemberExpression' || callee.property.type !== 'Identifier') return
      const { name } = callee.property
      if (SQL_METHODS.test(name)) addSql(textOf(first), start)
      if (!QUERY_METHODS.test(name)) return
      const names = first?.type === 'ArrayExpression' ? first.elements.map(textOf) : [textOf(first)]
      for (const text of names) add(text.split(/\s+as\s+/)[0]!, start)
    },
  })
  return found
}

/** The text of a string or template with `?` for what is filled in; empty for anything else. */
function textOf(node: object | null | undefined): string {
  const literal = node as { type: string; value?: unknown; quasis?: { value: { raw: string } }[] }
  if (literal?.type === 'Literal') return String(literal.value)
  if (literal?.type !== 'TemplateLiteral') return ''
  return literal.quasis!.map(({ value }) => value.raw).join('?')
}

/** Every table that the migrations make has a row type, and the other way round. */
function compareWithMigrations(owners: Owners, migrations: string): Violation[] {
  const made = tablesMade(migrations)
  const undeclared = [...made]
    .filter((table) => !owners.has(table))
    .map((table) => ({
      ...{ path: 'server/migrations', line: 1 },
      message: `make '${table}', which no tables.ts declares`,
    }))
  const unmade = [...owners]
    .filter(([table]) => !made.has(table))
    .map(([table, { path, line }]) => ({
      ...{ path, line },
      message: `declares '${table}', which no migration makes`,
    }))
  return [...undeclared, ...unmade]
}

function tablesMade(migrations: string): Set<string> {
  const made = new Set<string>()
  const statement =
    /^(create|drop) table (?:if (?:not )?exists )?"?(\w+)"?(?! partition of)\b|^alter table "?(\w+)"? rename to "?(\w+)"?/gim
  for (const [, verb, table, before, after] of migrations.matchAll(statement)) {
    if (verb?.toLowerCase() === 'create') made.add(camelCase(table!))
    else made.delete(camelCase(table ?? before!))
    if (after) made.add(camelCase(after))
  }
  return made
}

export function camelCase(name: string): string {
  return name.toLowerCase().replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

function folderOf(path: string): string {
  return path.split('/')[2]!
}
