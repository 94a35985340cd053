/** The members of JSON Schema that zod writes and that are shown here. */
export interface JsonSchema {
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly format?: string
  readonly description?: string
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
  readonly items?: JsonSchema
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: JsonSchema | boolean
}

const NEST_AT_MOST = 3
/** Formats that JSON Schema knows; zod has more of its own. */
const FORMATS = ['date-time', 'email', 'hostname', 'ipv4', 'ipv6', 'uri', 'uuid']

/** One line for a schema: `string (date-time)`, `'a' | 'b'`, `{ width: integer, height: integer }[]`. */
export function schemaText(schema: JsonSchema, depth = 0): string {
  const { type, format, items, properties } = schema
  const choices = schema.anyOf ?? schema.oneOf
  if (choices) return choices.map((choice) => schemaText(choice, depth)).join(' | ')
  if (schema.enum) return schema.enum.map(literal).join(' | ')
  if ('const' in schema) return literal(schema.const)
  if (type === 'array') return arrayText(items ?? {}, depth)
  if (properties && depth < NEST_AT_MOST) {
    const members = membersOf(schema).map(({ name, of }) => `${name}: ${schemaText(of, depth + 1)}`)
    return members.length > 0 ? `{ ${members.join(', ')} }` : '{}'
  }
  if (type === 'object') return 'object'
  return format && FORMATS.includes(format) ? `${type} (${format})` : (type ?? 'anything')
}

/** The members of an object; those that may be absent with a question mark. */
export function membersOf({ properties = {}, required = [] }: JsonSchema) {
  return Object.entries(properties).map(([name, of]) => ({
    name: required.includes(name) ? name : `${name}?`,
    of,
  }))
}

function arrayText(items: JsonSchema, depth: number): string {
  const text = schemaText(items, depth)
  return text.includes(' | ') ? `(${text})[]` : `${text}[]`
}

function literal(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : JSON.stringify(value)
}
