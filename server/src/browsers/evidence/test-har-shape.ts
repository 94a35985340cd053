import { z } from 'zod'

/** HTTP Archive 1.2 (http://www.softwareishard.com/blog/har-12-spec/): every member that it asks for. */
const named = z.object({ name: z.string(), value: z.string() })
const when = z.iso.datetime({ offset: true })
const size = z.int().min(-1)
const span = z.number().min(-1)

const request = z.object({
  method: z.string().min(1),
  url: z.string().min(1),
  httpVersion: z.string().min(1),
  cookies: z.array(named),
  headers: z.array(named),
  queryString: z.array(named),
  headersSize: size,
  bodySize: size,
})

const response = z.object({
  status: z.int().min(0),
  statusText: z.string(),
  httpVersion: z.string().min(1),
  cookies: z.array(named),
  headers: z.array(named),
  content: z.object({ size: size, mimeType: z.string().min(1) }),
  redirectURL: z.string(),
  headersSize: size,
  bodySize: size,
})

const entry = z.object({
  pageref: z.string().optional(),
  startedDateTime: when,
  time: z.number().min(0),
  request,
  response,
  cache: z.object({}),
  timings: z.object({
    blocked: span.optional(),
    dns: span.optional(),
    connect: span.optional(),
    ssl: span.optional(),
    send: z.number().min(0),
    wait: z.number().min(0),
    receive: z.number().min(0),
  }),
})

const page = z.object({
  startedDateTime: when,
  id: z.string().min(1),
  title: z.string(),
  pageTimings: z.object({ onContentLoad: span.optional(), onLoad: span.optional() }),
})

const Har = z.object({
  log: z.object({
    version: z.literal('1.2'),
    creator: z.object({ name: z.string().min(1), version: z.string().min(1) }),
    pages: z.array(page),
    entries: z.array(entry),
  }),
})

/** @throws when something is missing, an entry names a page that is not there, or its times do not add up */
export function assertHar(value: unknown): z.output<typeof Har> {
  const har = Har.parse(value)
  const ids = new Set(har.log.pages.map(({ id }) => id))
  for (const { pageref, time, timings } of har.log.entries) {
    if (pageref !== undefined && !ids.has(pageref)) throw new Error(`no page ${pageref}`)
    const { blocked = -1, dns = -1, connect = -1, send, wait, receive } = timings
    const spans = [blocked, dns, connect, send, wait, receive].filter((ms) => ms > 0)
    const sum = spans.reduce((total, ms) => total + ms, 0)
    if (sum > 0 && Math.abs(sum - time) > 0.01) throw new Error(`${sum} ms are not ${time} ms`)
  }
  return har
}
