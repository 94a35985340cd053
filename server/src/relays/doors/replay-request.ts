import { type Duplex, duplexPair } from 'node:stream'
import { AnswerParser } from '../http/answer-parser.ts'
import { requestHead } from '../http/exchange.ts'
import { REQUEST_ID } from '../http/passage.ts'
import type { ReplayedRequest } from '../inspect/replay.ts'
import type { SessionVisit } from '../peers/visit.ts'

const ANSWER_MS = 30_000
/** Whom the record of it names. */
const REPLAYER = 'replay'

/**
 * Makes a request anew: `connect` takes it in as a visitor's who needs no leave, since it is the owner's. Resolves to the id of its own
 * record once its answer has begun; the answer itself is read and dropped.
 */
export function replay(
  { tunnelId, method, path, host, headers, body, replayOf }: ReplayedRequest,
  connect: (far: Duplex, visit: SessionVisit & { replayOf: string }) => void,
): Promise<string> {
  const [near, far] = duplexPair()
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const late = setTimeout(() => far.destroy(new Error('no answer in time')), ANSWER_MS)
  far.once('close', () => reject(new Error('the request was not answered')))
  const parser = new AnswerParser()
  parser.expect(
    {
      onInformation: () => {},
      onHead: ({ rawHeaders }) => resolve(idIn(rawHeaders)),
      onBody: () => {},
      onEnd: () => near.end(),
    },
    { method, upgrading: false },
  )
  near.on('data', (chunk: Buffer) => {
    try {
      parser.read(chunk)
    } catch (error) {
      near.destroy(error as Error)
    }
  })
  near.on('error', reject)
  connect(far, { kind: 'session', tunnelId, sessionId: REPLAYER, replayOf })
  const length = body.length > 0 ? ['Content-Length', String(body.length)] : []
  const head = ['Host', host, ...headers, ...length, 'Connection', 'close']
  near.write(requestHead(method, path, head), 'latin1')
  if (body.length > 0) near.write(body)
  return promise.finally(() => clearTimeout(late))
}

function idIn(rawHeaders: readonly string[]): string {
  const at = rawHeaders.findIndex((name, i) => i % 2 === 0 && name === REQUEST_ID)
  return at < 0 ? '' : rawHeaders[at + 1]!
}
