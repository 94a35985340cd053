import { parseSync, type TSInterfaceDeclaration, Visitor } from 'oxc-parser'

/** What the docstrings of row types say, by the TypeScript name of the table. */
export type RowDocs = Map<string, { row: string; members: Map<string, string> }>

/** Reads a `tables.ts`: the interface that names the tables, and the row types that it refers to. */
export function readRowDocs(source: string): RowDocs {
  const { program, comments } = parseSync('tables.ts', source)
  const docAbove = (start: number) => {
    const above = source.slice(0, start).replace(/\s*(export\s+)?$/, '').length
    const doc = comments.find(({ type, end }) => type === 'Block' && end === above)
    return doc ? textOf(doc.value) : ''
  }
  const interfaces = new Map<string, TSInterfaceDeclaration>()
  new Visitor({ TSInterfaceDeclaration: (node) => void interfaces.set(node.id.name, node) }).visit(
    program,
  )
  const docs: RowDocs = new Map()
  const list = interfaces.get('Tables') ?? interfaces.get('KernelTables')
  for (const [table, type] of list ? rowTypes(list) : []) {
    const row = interfaces.get(type)
    if (!row) continue
    const members = row.body.body.map((member) => [keyOf(member), docAbove(member.start)] as const)
    docs.set(table, { row: docAbove(row.start), members: new Map(members) })
  }
  return docs
}

function rowTypes(list: TSInterfaceDeclaration): [string, string][] {
  return list.body.body.flatMap((member) => {
    const type = member.type === 'TSPropertySignature' && member.typeAnnotation?.typeAnnotation
    if (!type || type.type !== 'TSTypeReference' || type.typeName.type !== 'Identifier') return []
    return [[keyOf(member), type.typeName.name] as [string, string]]
  })
}

function keyOf(member: TSInterfaceDeclaration['body']['body'][number]): string {
  return member.type === 'TSPropertySignature' && member.key.type === 'Identifier'
    ? member.key.name
    : ''
}

function textOf(comment: string): string {
  return comment
    .replace(/^\*/, '')
    .replace(/^\s*\* ?/gm, '')
    .replace(/\s+/g, ' ')
    .trim()
}
