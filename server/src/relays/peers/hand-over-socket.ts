import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { isNoLink, type Pass, peerHeaders, Unheard } from './hand-over.ts'
import { pairs, passedHeaders } from './heads.ts'
import { join } from './join.ts'
import { type PeerLink, Unreached } from './peer-link.ts'
import { STREAM_PATH, STREAM_PROTOCOL } from './wire.ts'

/**
 * Hands a visitor's WebSocket to the other relay, and passes on its answer whatever it is. Resolves to false when it has no link; what
 * the visitor has written is unread then.
 *
 * @throws Unreached, or Unheard
 */
export async function handOverUpgrade(
  link: PeerLink,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  pass: Pass,
): Promise<boolean> {
  const asked = link.ask({
    ...{ method: request.method!, path: request.url! },
    headers: [
      ...['Connection', 'Upgrade', 'Upgrade', request.headers.upgrade!],
      ...passedHeaders(request),
      ...peerHeaders(pass),
    ],
  })
  // Who asks for a WebSocket and says nothing more has left; of TCP it may only listen from now on.
  const leave = () => asked.destroy()
  socket.once('end', leave)
  const { answer, far } = await upgraded(asked, socket).finally(() => socket.off('end', leave))
  if (isNoLink(answer, pass)) {
    answer.resume()
    return false
  }
  // It has said all that it will before it was heard.
  if (socket.readableEnded) socket.destroy()
  if (!far) {
    await refuse(answer, socket)
    return true
  }
  socket.write(rawHead(answer, ['Connection', 'Upgrade', 'Upgrade', answer.headers.upgrade!]))
  await join({ socket, head }, far)
  return true
}

/** As `handOverUpgrade`, for a connection to a TCP tunnel. */
export async function handOverConnection(
  link: PeerLink,
  socket: Duplex,
  pass: Pass,
): Promise<boolean> {
  const asked = link.ask({
    ...{ method: 'GET', path: STREAM_PATH },
    headers: ['Connection', 'Upgrade', 'Upgrade', STREAM_PROTOCOL, ...peerHeaders(pass)],
  })
  const { answer, far } = await upgraded(asked, socket)
  if (far) {
    await join({ socket, head: Buffer.alloc(0) }, far)
    return true
  }
  answer.resume()
  if (isNoLink(answer, pass)) return false
  throw new Error(`the relay answered ${answer.statusCode}`)
}

interface Upgraded {
  answer: IncomingMessage
  /** Absent when the answer is not an upgrade. */
  far?: { socket: Duplex; head: Buffer }
}

/** A visitor who leaves meanwhile ends the asking. */
async function upgraded(asked: ClientRequest, visitor: Duplex): Promise<Upgraded> {
  const { promise, resolve, reject } = Promise.withResolvers<Upgraded>()
  const leave = () => asked.destroy()
  // Nobody reads yet, so that the end of what the visitor says has to be looked for.
  const look = () => void visitor.read(0)
  visitor.on('readable', look).once('close', leave)
  asked.once('upgrade', (answer, socket, head) => resolve({ answer, far: { socket, head } }))
  asked.once('response', (answer) => resolve({ answer }))
  asked.on('error', (error) => reject(error instanceof Unreached ? error : new Unheard(error)))
  asked.end()
  try {
    return await promise
  } finally {
    visitor.off('readable', look).off('close', leave)
  }
}

/** An answer that is no upgrade ends the visitor's connection. */
async function refuse(answer: IncomingMessage, socket: Duplex): Promise<void> {
  socket.write(rawHead(answer, ['Connection', 'close']))
  answer.pipe(socket)
  await new Promise<void>((resolve) => {
    answer.once('error', () => socket.destroy())
    socket.once('close', () => resolve())
  })
}

function rawHead(answer: IncomingMessage, own: readonly string[]): string {
  const { statusCode, statusMessage } = answer
  // Without its own length or encoding what follows ends with the connection.
  const lines = pairs([...passedHeaders(answer), ...own]).map(
    ([name, value]) => `${name}: ${value}`,
  )
  return `HTTP/1.1 ${statusCode} ${statusMessage}\r\n${lines.join('\r\n')}\r\n\r\n`
}
