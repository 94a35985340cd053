import { z } from 'zod'

export type JsonObject = Record<string, unknown>

/** JSON Schemas of zod schemas; those with a `meta` id become components. */
export class Schemas {
  readonly #named = new Map<string, string>()

  /** `whole` leaves the outermost schema in place even when it has an id. */
  of(schema: z.ZodType, io: 'input' | 'output', whole = false): JsonObject {
    const made = z.toJSONSchema(schema, {
      io,
      target: 'draft-2020-12',
      unrepresentable: 'any',
      override: plain,
    })
    const {
      $schema: _,
      $defs = {},
      id,
      ...rest
    } = made as JsonObject & { $defs?: Record<string, JsonObject> }
    for (const [name, of] of Object.entries($defs)) this.#name(name, of)
    const body = rename(rest)
    if (whole || typeof id !== 'string') return body
    this.#name(id, body)
    return { $ref: `#/components/schemas/${id}` }
  }

  named(): Record<string, JsonObject> {
    return Object.fromEntries(
      [...this.#named].map(([name, text]) => [name, JSON.parse(text) as JsonObject]),
    )
  }

  #name(name: string, schema: JsonObject): void {
    const { id: _, ...of } = schema
    const text = JSON.stringify(rename(of))
    const known = this.#named.get(name)
    if (known !== undefined && known !== text) {
      throw new Error(
        `schema '${name}' differs between request and answer: give one of them another id`,
      )
    }
    this.#named.set(name, text)
  }
}

/** Leaves out what zod adds and a reader does not need: the bounds of a safe integer, the patterns of known formats. */
function plain({ jsonSchema }: { jsonSchema: JsonObject }): void {
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum
  if (typeof jsonSchema.format === 'string') delete jsonSchema.pattern
}

function rename(value: JsonObject): JsonObject {
  return JSON.parse(
    JSON.stringify(value).replaceAll('"#/$defs/', '"#/components/schemas/'),
  ) as JsonObject
}

export function sorted<Value>(entries: Record<string, Value>): Record<string, Value> {
  return Object.fromEntries(Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1)))
}
