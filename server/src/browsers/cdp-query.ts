import { z } from 'zod'
import type { Actor } from '#kernel/context.ts'
import { httpProblems } from '#kernel/http/problems.ts'
import type { SocketRequest } from '#kernel/sockets.ts'
import type { FieldError } from '#kernel/problem.ts'
import type { BrowserRuntime } from './runtime.ts'
import { CreateSession } from './schema.ts'

const whole = (min: number, max: number) => z.coerce.number().int().min(min).max(max).optional()
const { userAgent, locale, timezone } = CreateSession.shape
const seconds = (description: string) => whole(5, 24 * 60 * 60).meta({ description })

/** What `/cdp` takes: members of a session, as a query spells them. */
const NewBrowserQuery = z.strictObject({
  width: whole(200, 7680).meta({ description: 'Inner width of pages; with `height`' }),
  height: whole(200, 4320).meta({ description: 'Inner height of pages; with `width`' }),
  ...{ userAgent, locale, timezone },
  timeoutSeconds: seconds('Longest life; 3600 unless given'),
  idleTimeoutSeconds: seconds('Ends this long after the last command; 600 unless given'),
  proxy: z.string().min(1).max(2048).optional().meta({
    description: 'Proxy for all its traffic: http://, https:// or socks5://',
  }),
})

/** The same with a credential, for clients that can set no header. */
export const CdpQuery = NewBrowserQuery.extend({
  apiKey: z.string().max(200).optional().meta({
    description: 'An API key; rather send `Authorization: Bearer`, since addresses end up in logs',
  }),
})
export type CdpQuery = z.output<typeof CdpQuery>

/** @throws problem `request.invalid` that names each parameter that does not count */
export function readCdpQuery(query: Record<string, unknown>): CreateSession {
  const { width, height, proxy, ...rest } = checked(NewBrowserQuery, query)
  const viewport = (width ?? height) === undefined ? undefined : { width, height }
  return checked(CreateSession, {
    ...rest,
    ...(viewport && { viewport }),
    ...(proxy !== undefined && { egress: { proxy } }),
  })
}

/** Who asks for a browser, for the account that the header names: the holder of the key in the query, else of the header. @throws Problem for one that does not count */
export function cdpActor(
  runtime: BrowserRuntime,
  apiKey: string | undefined,
  { headers, ip }: Pick<SocketRequest, 'headers' | 'ip'>,
): Promise<Actor> {
  const account = headers['gantry-account']
  return apiKey === undefined
    ? runtime.authenticate(headers.authorization, ip, account)
    : runtime.keyHolder(apiKey, ip, account)
}

function checked<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const { data, error } = schema.safeParse(value)
  if (!error) return data
  const errors = error.issues.map(({ path, message }): FieldError => ({
    path: ['query', ...path].join('.'),
    message,
  }))
  throw httpProblems.invalid({ errors })
}
