import { randomBytes } from 'node:crypto'
import { sha256 } from '#kernel/crypto.ts'
import type { RequestFacts } from '#kernel/http/route.ts'
import { CODE_SECONDS, VISIT_SECONDS } from './visits.ts'

const NAME = '__Host-gantry_visit'
const TOKEN = /^[\w-]{43}$/
/** Lax, since the browser comes back from another site. Whoever comes back at the last moment still has to use the code. */
const RULES = `Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=${VISIT_SECONDS + CODE_SECONDS}`

/** Marks the browser, so that only it can go on with what it began: the mark that it has, or else a new one. */
export function markBrowser(request: RequestFacts): { browserHash: Buffer; cookie: string } {
  const token = tokenIn(request) ?? randomBytes(32).toString('base64url')
  return { browserHash: sha256(token), cookie: `${NAME}=${token}; ${RULES}` }
}

/** Of the mark that the browser has. */
export function browserHashOf(request: RequestFacts): Buffer | undefined {
  const token = tokenIn(request)
  return token === undefined ? undefined : sha256(token)
}

function tokenIn({ headers }: RequestFacts): string | undefined {
  const pairs = headers.cookie?.split(';').map((pair) => pair.trim()) ?? []
  const token = pairs.find((pair) => pair.startsWith(`${NAME}=`))?.slice(NAME.length + 1)
  return token !== undefined && TOKEN.test(token) ? token : undefined
}
