import type { Capability } from '../../server/src/kernel/capability.ts'
import { code, page, table } from './markdown.ts'

/** What is read here of a key of the configuration. */
interface Key {
  readonly schema: { readonly def: unknown }
  readonly what: string
  readonly shown?: string
}
type Keys = Readonly<Record<string, Key>>

/** The part of a zod schema's definition that tells its default and its choices. */
interface Definition {
  readonly type: string
  readonly defaultValue?: string | number | boolean | object
  readonly innerType?: { readonly def: Definition }
  readonly entries?: Readonly<Record<string, string>>
}

export function renderConfiguration(keys: Keys, capabilities: readonly Capability[]): string {
  const names = table(
    ['Name', 'Default', 'What it does'],
    Object.entries(keys).map(([name, key]) => [code(name), shownDefault(key), describe(key)]),
  )
  return page('Configuration', '`server/src/kernel/config.ts` and the capabilities', [
    'Read once at start, from the environment and from an `.env` file in the checkout; the environment wins. An empty value counts\n' +
      'as unset. All wrong values are listed at once, and the process then stops with status 1. `.env.example` holds every name.',
    names.join('\n'),
    ...runtimeSettings(capabilities),
  ])
}

/** Every name with its sentence, all commented out. */
export function renderEnvExample(keys: Keys): string {
  const entries = Object.entries(keys).map(([name, key]) => {
    const value = plainDefault(key)
    const otherwise = value === '' && key.shown ? ` Default: ${key.shown}.` : ''
    return `${wrap((describe(key) + otherwise).replaceAll('`', ''))}\n#${name}=${value}`
  })
  return `# Copy this file to .env and uncomment what you change. docs/reference/configuration.md says more.\n\n${entries.join('\n\n')}\n`
}

function describe({ schema, what }: Key): string {
  const { entries } = innermost(schema.def as Definition)
  return entries ? `${what} One of ${Object.keys(entries).map(code).join(', ')}.` : what
}

function innermost(definition: Definition): Definition {
  return definition.innerType ? innermost(definition.innerType.def) : definition
}

function shownDefault(key: Key): string {
  const value = plainDefault(key)
  return key.shown ?? (value && code(value))
}

/** As it is written into a file; empty where there is none or it is made up from other values. */
function plainDefault({ schema }: Key): string {
  const { defaultValue } = schema.def as Definition
  if (Array.isArray(defaultValue)) return defaultValue.join(',')
  return typeof defaultValue === 'object' ? '' : String(defaultValue ?? '')
}

function runtimeSettings(capabilities: readonly Capability[]): string[] {
  const settings = capabilities.flatMap((capability) => capability.settings ?? [])
  const flags = capabilities.flatMap((capability) => capability.flags ?? [])
  const rows = [...settings, ...flags].map((one) => [
    code(one.name),
    code(JSON.stringify(one.default)),
    one.what,
  ])
  if (rows.length === 0) return []
  return [
    '## Set while it runs',
    'By an admin, for the whole installation; every process follows within 5 seconds.',
    table(['Name', 'Default', 'What it does'], rows).join('\n'),
  ]
}

function wrap(text: string, width = 98): string {
  const lines = ['#']
  for (const word of text.split(' ')) {
    const line = `${lines.at(-1)} ${word}`
    if (line.length <= width) lines[lines.length - 1] = line
    else lines.push(`# ${word}`)
  }
  return lines.join('\n')
}
