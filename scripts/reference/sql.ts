/** A column as the migrations leave it. */
export interface Column {
  name: string
  type: string
  /** `not null`, defaults, keys and references, as written. */
  rules: string
  comment: string
}

export interface Table {
  name: string
  comment: string
  columns: Column[]
}

type Token = { kind: 'comment' | 'mark' | 'text'; text: string }

const TOKENS = /(--[^\n]*)|(\$\$[\s\S]*?\$\$|'(?:[^']|'')*'|"[^"]*")|([(),;])|([^(),;'"$-]+|.)/g
const NO_COLUMN = /^(primary|foreign|unique|check|constraint|exclude|like)\b/i
const KEY_OF_MANY = /^(?:constraint \w+ )?primary key ?\((.*)\)/i
const RULES =
  /\s(?=(?:not null|null|default|primary key|unique|check|references|generated|constraint|collate)\b)/i

/** The tables and columns that are there once all migrations ran, in the order in which they were made. */
export function readTables(sql: string): Table[] {
  const tables = new Map<string, Table>()
  for (const { tokens, comment } of statements(sql)) {
    const text = plain(tokens)
    const created = /^create table (?:if not exists )?(\w+) ?\(/i.exec(text)?.[1]
    if (created) {
      tables.set(created, { name: created, comment, columns: columnsOf(body(tokens)) })
    } else change(tables, text)
  }
  return [...tables.values()]
}

function change(tables: Map<string, Table>, text: string): void {
  const dropped = /^drop table (?:if exists )?(.+?)(?: cascade)?$/i.exec(text)?.[1]
  for (const name of dropped?.split(/\s*,\s*/) ?? []) tables.delete(name)

  const [, name, changes] = /^alter table (?:if exists |only )?(\w+) (.+)$/is.exec(text) ?? []
  const table = name && tables.get(name)
  if (!table || !changes) return
  for (const one of split([...tokenize(changes)])) {
    const of = plain(one.tokens)
    const verb = /^(add|drop|rename)\b/i.exec(of)?.[1]?.toLowerCase()
    const target = of.replace(/^(add|drop|rename) (column )?(if (not )?exists )?/i, '')
    if (verb === 'add') table.columns.push(...columnsOf([...tokenize(target)]))
    if (verb === 'drop') table.columns = table.columns.filter((column) => column.name !== target)
    if (verb !== 'rename') continue
    const [from, to] = target.split(/ ?to /)
    if (from) table.columns.forEach((column) => column.name === from && (column.name = to!))
    else table.name = to!
  }
}

function columnsOf(tokens: Token[]): Column[] {
  const parts = split(tokens).map(({ tokens, comment }) => ({ text: plain(tokens), comment }))
  const key = parts.flatMap(({ text }) => KEY_OF_MANY.exec(text)?.[1]!.split(/,\s*/) ?? [])
  return parts
    .filter(({ text }) => text !== '' && !NO_COLUMN.test(text))
    .map(({ text, comment }) => {
      const [, name = '', definition = ''] = /^(\w+) (.+)$/s.exec(text) ?? []
      const at = RULES.exec(definition)?.index ?? definition.length
      const rules = `${definition.slice(at)}${key.includes(name) ? ' primary key' : ''}`.trim()
      return { name, type: definition.slice(0, at), rules, comment }
    })
}

/** The tokens between the first bracket and its partner. */
function body(tokens: Token[]): Token[] {
  const from = tokens.findIndex(({ text }) => text === '(') + 1
  let depth = 1
  const length = tokens.slice(from).findIndex(({ kind, text }) => {
    if (kind === 'mark') depth += text === '(' ? 1 : text === ')' ? -1 : 0
    return depth === 0
  })
  return tokens.slice(from, from + length)
}

function statements(sql: string) {
  return split([...tokenize(sql)], ';')
}

/** Parts between marks that stand in no bracket, each with the comment right before it. */
function split(tokens: Token[], mark = ','): { tokens: Token[]; comment: string }[] {
  const parts: { tokens: Token[]; comment: string }[] = []
  let part: { tokens: Token[]; comment: string } = { tokens: [], comment: '' }
  let depth = 0
  for (const token of tokens) {
    const { kind, text } = token
    if (kind === 'mark') depth += text === '(' ? 1 : text === ')' ? -1 : 0
    if (kind === 'mark' && text === mark && depth === 0) {
      parts.push(part)
      part = { tokens: [], comment: '' }
    } else if (kind === 'comment' && plain(part.tokens) === '') {
      part.comment += `${text.slice(2).trim()} `
    } else {
      if (plain(part.tokens) === '' && /\n\s*\n/.test(text)) part.comment = ''
      part.tokens.push(token)
    }
  }
  return [...parts, part].map(({ tokens, comment }) => ({ tokens, comment: comment.trim() }))
}

function* tokenize(sql: string): Generator<Token> {
  for (const [text, comment, , mark] of sql.matchAll(TOKENS)) {
    yield { kind: comment ? 'comment' : mark ? 'mark' : 'text', text }
  }
}

function plain(tokens: Token[]): string {
  return tokens
    .filter(({ kind }) => kind !== 'comment')
    .map(({ text }) => text)
    .join('')
    .replace(/\s+/g, ' ')
    .trim()
}
