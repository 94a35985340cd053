import type { Context } from '#kernel/context.ts'

const NAME = /^[a-z][a-z-]*$/
const TOKEN = /^[\w.~-]+$/

/**
 * A link for a mail that brings a token to the console: `https://gantry.example.com/#reset-password=…`. Its host is the configured
 * one, whatever a request said; and since the token stands behind `#`, browsers send it to nobody.
 */
export function linkTo({ publicUrl }: Context, name: string, token: string): string {
  if (!NAME.test(name) || !TOKEN.test(token)) throw new Error(`no link can be made for '${name}'`)
  return `${publicUrl}/#${name}=${token}`
}
