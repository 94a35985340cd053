import { Refused } from './refused.ts'

/**
 * Chromium itself takes white space and control characters around and inside of a scheme for nothing, so only what begins like this
 * by the letter goes on as it came.
 */
const LITERAL = /^(?:https?:|data:|blob:|about:(?:blank|srcdoc)(?:[?#]|$))/i
const SCHEMES = new Set(['http:', 'https:', 'data:', 'blob:'])
const ABOUT = /^about:(?:blank|srcdoc)(?:[?#]|$)/

/**
 * A URL that a page may be led to: of the web, or one that holds its own contents. Never the machine's files or the browser's
 * own pages. Empty stays empty, which Chromium takes for a blank page or refuses.
 *
 * @throws Refused
 */
export function allowedUrl(url: unknown): unknown {
  if (typeof url !== 'string' || url === '' || LITERAL.test(url)) return url
  const parsed = URL.parse(url)
  if (!parsed) throw new Refused('Cannot navigate to invalid URL')
  if (SCHEMES.has(parsed.protocol) || ABOUT.test(parsed.href)) return parsed.href
  throw new Refused(
    `${parsed.protocol} URLs are not open to this session; http:, https:, data:, blob: and about:blank are`,
  )
}
