import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Logger } from '#kernel/log.ts'
import type { CallName, RelayCalls } from './calls.ts'
import { MAX_ANSWER_BYTES } from './wire.ts'

const MAX_BODY_BYTES = 1024 * 1024
const NAMES: ReadonlySet<string> = new Set<CallName>([
  'requests',
  'request',
  'replay',
  'live',
  'logs',
])

/** Answers a call of the control plane with `{result}`, or `{failure}`. */
export async function answerCall(
  calls: RelayCalls,
  request: IncomingMessage,
  response: ServerResponse,
  log: Logger,
): Promise<void> {
  try {
    const { name, input } = JSON.parse(await textOf(request)) as { name: CallName; input: never }
    if (!NAMES.has(name)) return send(response, 404, { failure: `there is no call ${name}` })
    const body = { result: await calls[name](input) }
    send(response, 200, body)
  } catch (error) {
    log.warn({ err: error }, 'a call of the control plane failed')
    send(response, 500, { failure: error instanceof Error ? error.message : String(error) })
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  const bytes = Buffer.from(JSON.stringify(body))
  if (bytes.length > MAX_ANSWER_BYTES) throw new Error('the answer is too long')
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': bytes.length })
  response.end(bytes)
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > MAX_BODY_BYTES) throw new Error('the call is too long')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}
