import { isIP } from 'node:net'
import { z } from 'zod'
import { parseAllow } from './addresses.ts'
import { readRegional } from './regional.ts'

export const port = z.coerce.number().int().min(0).max(65_535)
export const portRange = z
  .string()
  .regex(/^\d{1,5}-\d{1,5}$/, 'must be two ports, such as 20000-20999')
  .transform((text) => text.split('-').map(Number) as [number, number])
  .refine(([first, last]) => first >= 1 && first <= last && last <= 65_535, {
    error: 'must be two ports from 1 to 65535, the lower one first',
  })
export const hostName = z
  .string()
  .toLowerCase()
  .regex(/^(?=.{1,180}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/, {
    error: 'must be a host name, such as tunnels.example.com',
  })
export const seconds = (from: number, to: number) => z.coerce.number().int().min(from).max(to)
export const list = z.string().transform((text) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter(Boolean),
)
export const regions = list.pipe(
  z
    .array(
      z.string().regex(/^[a-z]{2,5}(-[a-z]+)+-\d{1,2}$/, 'must be regions such as eu-central-1'),
    )
    .refine((all) => new Set(all).size === all.length, 'names a region twice'),
)
/** A list of `value` or `region=value`. */
export const regional = (pattern: RegExp, message: string) =>
  list
    .transform((items) => items.map(readRegional))
    .pipe(z.array(z.object({ region: z.string().optional(), value: z.string() })))
    .refine((entries) => entries.every(({ value }) => pattern.test(value)), message)
    .default([])
export const addressRanges = list
  .pipe(z.array(z.string().refine(isAddressRange, 'must be addresses or CIDR ranges')))
  .default([])
export const dnsServers = list
  .pipe(z.array(z.string().refine(isDnsServer, 'must be addresses, with a port or not')))
  .default([])
/** Tags that the fleet sets itself are not among them. */
export const tags = list.transform((items, issue) => readTags(items, issue)).default({})
export const httpUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
  .transform((url) => url.replace(/\/+$/, ''))
export const smtpUrl = z.url({
  protocol: /^smtps?$/,
  error: 'must be an smtp:// or smtps:// URL',
})
/** One mailbox, with a name before it or not, and nothing that could end a header line. */
export const sender = z.string().transform((text, issue) => readSender(text, issue))
export const origins = list.pipe(
  z.array(
    z
      .string()
      .refine(
        (text) => URL.parse(text)?.origin === text,
        'must be origins such as https://app.example',
      ),
  ),
)

const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
export const allowedAddresses = z.string().default('').transform(readAllow)
export const logLevel = list.transform((items, issue) => readLevels(items, issue))

function isAddressRange(text: string): boolean {
  const [address = '', bits, ...rest] = text.split('/')
  const family = isIP(address)
  if (!family || rest.length > 0) return false
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128))
}

function isDnsServer(text: string): boolean {
  const [, v6, v4 = text] = /^(?:\[(.+)\]|([^:]+)):\d{1,5}$/.exec(text) ?? []
  return isIP(v6 ?? v4) !== 0
}

const SENDER = /^(?:([^<>"\p{C}]{0,100}?) *<([^<>]+)>|([^<>]+))$/u
const MAILBOX = /^[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[a-z0-9-]+(\.[a-z0-9-]+)*$/i

function readSender(text: string, issue: z.RefinementCtx): { name: string; address: string } {
  const [, name = '', inBrackets, alone] = SENDER.exec(text.trim()) ?? []
  const address = inBrackets ?? alone ?? ''
  if (MAILBOX.test(address)) return { name: name || 'Gantry', address }
  issue.addIssue({
    code: 'custom',
    message: 'must be `no-reply@example.com` or `Example <no-reply@example.com>`',
  })
  return z.NEVER
}

const MOST_TAGS = 10
const TAG = /^([\w +.:/@-]{1,128})=([\w +=.:/@-]{0,256})$/

function readTags(items: string[], issue: z.RefinementCtx): Record<string, string> {
  const refuse = (message: string) => {
    issue.addIssue({ code: 'custom', message })
    return z.NEVER
  }
  const found = items.map((item) => TAG.exec(item))
  if (found.includes(null)) return refuse('must be key=value, of letters, digits and _ .:/=+-@')
  const pairs = found.map((match) => [match![1]!.trim(), match![2]!] as const)
  const own = pairs.find(([key]) => key === 'Name' || key === '' || /^(aws|gantry):/i.test(key))
  if (own) return refuse(`the key '${own[0]}' is reserved`)
  const tags = Object.fromEntries(pairs)
  if (Object.keys(tags).length < pairs.length) return refuse('names a key twice')
  return pairs.length > MOST_TAGS ? refuse(`has more than ${MOST_TAGS} tags`) : tags
}

/** The entries as `openAddressGuard` takes them; `parseAllow` says what is wrong with one. */
function readAllow(text: string, issue: z.RefinementCtx): string[] {
  try {
    parseAllow(text)
    return text.split(/[\s,]+/).filter(Boolean)
  } catch (error) {
    issue.addIssue({ code: 'custom', message: (error as Error).message })
    return z.NEVER
  }
}

function readLevels(items: string[], issue: z.RefinementCtx) {
  const byCategory: Record<string, string> = {}
  let standard = 'info'
  for (const item of items) {
    const [name = '', level] = item.split(':')
    const wanted = level ?? name
    if (!LEVELS.includes(wanted as never)) {
      issue.addIssue({
        code: 'custom',
        message: `'${item}' is no level; take ${LEVELS.join(', ')}, or category:level`,
      })
    } else if (level === undefined) standard = wanted
    else byCategory[name] = wanted
  }
  return { default: standard, byCategory }
}
