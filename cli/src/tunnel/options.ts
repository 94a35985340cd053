import { Stop } from '../stop.ts'

/** `user:password`. @throws Stop */
export function readBasicAuth(text: string): { username: string; password: string } {
  const colon = text.indexOf(':')
  if (colon > 0 && colon < text.length - 1) {
    return { username: text.slice(0, colon), password: text.slice(colon + 1) }
  }
  throw new Stop('Write --basic-auth as user:password.')
}

/** All values of an option that may be given several times, also with commas. */
export function valuesOf(rawArgs: readonly string[], name: string): string[] {
  return rawArgs.flatMap((arg, at) => {
    const value = arg === `--${name}` ? rawArgs[at + 1] : after(arg, `--${name}=`)
    return value?.split(',').filter(Boolean) ?? []
  })
}

/** @throws Stop for an option or a word that the command does not have, so that a slip of the pen is not taken for nothing */
export function refuseUnknown(
  rawArgs: readonly string[],
  args: object,
  words: readonly string[],
): void {
  // Of the words, the first is the service or the file.
  const [, extra] = words
  if (extra !== undefined) throw new Stop(`'${extra}' is one word too many; see --help.`)
  const names = new Set(Object.keys(args))
  const other = rawArgs
    .flatMap((arg) => /^--(?:no-)?([^=]+)/.exec(arg)?.[1] ?? [])
    .find((name) => !names.has(name))
  if (other) throw new Stop(`There is no option --${other}; --help shows those that there are.`)
}

function after(text: string, start: string): string | undefined {
  return text.startsWith(start) ? text.slice(start.length) : undefined
}
