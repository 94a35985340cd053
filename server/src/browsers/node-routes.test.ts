import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'
import { startApp } from '#test/app.ts'

const app = await startApp()
after(() => app[Symbol.asyncDispose]())
const { hostname, port, host } = new URL(app.url)
const ANNOUNCED = 40 * 1024 * 1024
const SESSION = `ses_${'0'.repeat(26)}`

interface Wish {
  path: string
  authorization?: string
  announce: string
  /** Sent behind the headers, and sent on until the server closes the connection. */
  chunk?: Buffer
}

/** All that is said to a client who announces a long body, until the server has closed the connection. */
async function announce({ path, authorization, announce, chunk }: Wish): Promise<string> {
  const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true })
  const lines = [`POST /api${path} HTTP/1.1`, `host: ${host}`, 'content-type: application/json']
  if (authorization) lines.push(`authorization: ${authorization}`)
  socket.write(`${[...lines, announce].join('\r\n')}\r\n\r\n`)
  const sending = chunk && setInterval(() => socket.write(chunk), 20)
  // A connection that is cut while it is written to ends with an error.
  const said = text(socket).catch(() => 'nothing')
  const first = once(socket, 'data').then(([bytes]) => String(bytes))
  const whole = await Promise.all([first, said]).finally(() => clearInterval(sending))
  socket.destroy()
  return whole[0]
}

const length = `content-length: ${ANNOUNCED}`
const strangers = [
  { path: '/v1/node/recordings', announce: length },
  { path: '/v1/node/recordings', announce: 'transfer-encoding: chunked' },
  {
    ...{ path: '/v1/node/recordings', announce: length },
    authorization: `Bearer node_${'x'.repeat(43)}`,
  },
  { path: `/v1/sessions/${SESSION}/upload`, announce: length },
  { path: `/v1/sessions/${SESSION}/upload`, announce: length, authorization: 'Bearer nonsense' },
]

test('who has no credential that counts is refused before a long body is sent, and cut', async () => {
  const answers = strangers.map(async (one) => {
    const said = await announce(one)
    assert.match(said, /^HTTP\/1\.1 401 /, JSON.stringify(one))
    assert.match(said, /"code":"(?:node|auth)\.\w+"/)
  })
  await Promise.all(answers)
})

test('who goes on sending has the answer all the same, and is cut soon', async () => {
  const one = { path: '/v1/node/recordings', announce: length, chunk: Buffer.alloc(64 * 1024) }
  assert.match(await announce(one), /^HTTP\/1\.1 401 /)
})
