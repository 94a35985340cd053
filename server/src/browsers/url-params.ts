import { z } from 'zod'
import { ID, sessionExample } from './examples.ts'
import { SessionId } from './schema.ts'

/** What the paths of a session's own addresses hold. */
export const UrlParams = z.object({
  id: SessionId,
  secret: z
    .string()
    .min(1)
    .max(200)
    .meta({ description: 'Of the address as the session shows it' }),
})

export const urlParamsExample = { id: ID, secret: sessionExample.cdpUrl.split('/').at(-1)! }
