import { fileURLToPath } from 'node:url'

/** The root of the repository, without a slash at the end. */
export const checkout = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

/** Where Node keeps what it made of our sources: a start then takes a third of the time. Emptied by each `npm ci`. */
export const compileCache = `${checkout}/node_modules/.cache/compile`
