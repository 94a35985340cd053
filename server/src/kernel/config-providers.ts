import { z } from 'zod'

/** An OpenID provider as the operator names it. */
export interface OpenIdSettings {
  /** Of its paths, for ever. */
  readonly id: string
  /** On its button. */
  readonly name: string
  /** Exactly as the provider writes it. */
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  readonly scopes: readonly string[]
}

const MOST_PROVIDERS = 20
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/
/** They have names of their own, or are words of the paths. */
const RESERVED = new Set(['google', 'microsoft', 'github', 'sign-in', 'step-up', 'link'])

const text = (most: number) => z.string().trim().min(1).max(most)

const provider = z.strictObject({
  id: z
    .string()
    .regex(/^[a-z][a-z0-9-]{1,30}$/, 'must be 2 to 31 of a-z, 0-9 and -, with a letter first')
    .refine((id) => !RESERVED.has(id), 'is taken: choose another word'),
  name: text(50),
  issuer: z.string().refine(isIssuer, 'must be an https URL without query or fragment'),
  clientId: text(255),
  clientSecret: text(1024),
  scopes: z
    .array(z.string().regex(/^[\w:/.-]{1,200}$/, 'must be a scope'))
    .max(20)
    .refine((scopes) => scopes.includes('openid'), 'must hold openid')
    .default(['openid', 'email', 'profile']),
})

const providers = z
  .array(provider)
  .max(MOST_PROVIDERS)
  .refine((all) => new Set(all.map(({ id }) => id)).size === all.length, 'names an id twice')
  .refine(
    (all) => new Set(all.map(({ issuer }) => issuer)).size === all.length,
    'names an issuer twice',
  )

/** A list in JSON. What is wrong in it is told by its place, never by its value: there are secrets in it. */
export const openIdProviders = z.string().transform((json, issue): readonly OpenIdSettings[] => {
  const parsed = providers.safeParse(parse(json))
  if (parsed.success) return parsed.data
  for (const { path, message } of parsed.error.issues) {
    const place = path.map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    issue.addIssue({ code: 'custom', message: `${place.join('')} ${message}`.trim() })
  }
  return z.NEVER
})

export const microsoftTenant = z
  .string()
  .toLowerCase()
  .regex(
    /^(common|organizations|consumers|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/,
    'must be the id of a directory, or common, organizations or consumers',
  )

/** Where others on the way cannot read along: https, or this machine. */
export const webOrigin = z
  .string()
  .refine(
    (given) => isPrivateLine(URL.parse(given)) && URL.parse(given)?.origin === given,
    'must be an https origin such as https://github.example.com',
  )

function isIssuer(given: string): boolean {
  const url = URL.parse(given)
  if (!isPrivateLine(url) || given.length > 500) return false
  return !url.search && !url.hash && !url.username && !url.password && !/[?#\s]/.test(given)
}

function isPrivateLine(url: URL | null): url is URL {
  if (url?.protocol === 'https:') return true
  return url?.protocol === 'http:' && LOOPBACK.test(url.hostname)
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}
