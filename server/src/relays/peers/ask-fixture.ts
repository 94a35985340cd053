import { once } from 'node:events'
import { type IncomingMessage, request as httpRequest } from 'node:http'
import { buffer } from 'node:stream/consumers'
import type { FrontRelay } from './fixture.ts'

export interface Wish {
  method?: string
  path?: string
  headers?: Record<string, string | string[]> | string[]
  body?: Buffer | string
}

export async function ask(
  front: FrontRelay,
  { method = 'GET', path = '/', headers, body }: Wish = {},
) {
  const sent = httpRequest({
    ...{ host: '127.0.0.1', port: front.port, method, path, agent: false },
    ...(headers && { headers: headers as Record<string, string> }),
  })
  sent.end(body)
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  return { answer, status: answer.statusCode, body: await buffer(answer) }
}
