import { z } from 'zod'

interface Part {
  $ref?: string
  $defs?: Record<string, Part>
  properties?: Record<string, Part>
  anyOf?: Part[]
  oneOf?: Part[]
  allOf?: Part[]
}

/** The names of the members that an object of this schema may have, whichever of its variants it is. */
export function memberNames(schema: z.ZodType): string[] {
  const whole = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Part
  const namesIn = (part: Part): string[] => {
    const { $ref, properties = {}, anyOf = [], oneOf = [], allOf = [] } = part
    const referred = $ref && whole.$defs?.[$ref.replace('#/$defs/', '')]
    const variants = [...anyOf, ...oneOf, ...allOf, ...(referred ? [referred] : [])]
    return [...Object.keys(properties), ...variants.flatMap(namesIn)]
  }
  return [...new Set(namesIn(whole))]
}
