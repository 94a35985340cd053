import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

/** The HTTP client, loaded when it is first used: an idle server need not hold its 3 MiB. */
export const undici = (): typeof import('undici') => require('undici') as typeof import('undici')
