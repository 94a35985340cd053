import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as requestHttp, type IncomingMessage } from 'node:http'
import { tunnelsOf } from './fixture.ts'
import { after, test } from 'node:test'
import { serveTcp, speak, startAgent, startRelay } from '../fixture.ts'

const relay = await startRelay()
after(() => relay[Symbol.asyncDispose]())

const serve = tunnelsOf(relay)

test('HEAD, 204 and 304 have no body, and the next answer is the next one', async () => {
  await using shop = await serve('bodyless', (asked, answer) => {
    answer.statusCode = Number(asked.url!.slice(1))
    if (asked.method === 'HEAD') answer.setHeader('content-length', 500)
    answer.end()
  })
  const statuses = []
  for (const [method, path] of [
    ['HEAD', '/200'],
    ['GET', '/204'],
    ['GET', '/304'],
    ['GET', '/200'],
  ]) {
    const { statusCode, body } = await shop.ask(path!, { method: method as 'GET' })
    statuses.push([statusCode, await body.text()])
  }
  assert.deepEqual(statuses, [
    [200, ''],
    [204, ''],
    [304, ''],
    [200, ''],
  ])
})

test('trailers pass both ways', async () => {
  await using shop = await serve('trailers', (asked, answer) => {
    asked.resume().on('end', () => {
      answer.writeHead(200, { trailer: 'x-sum' })
      answer.write(String(asked.trailers['x-asked']))
      answer.addTrailers({ 'x-sum': '42' })
      answer.end()
    })
  })
  const asked = requestHttp(relay.url, {
    method: 'POST',
    headers: { host: shop.host, trailer: 'x-asked', te: 'trailers' },
  })
  asked.write('body')
  asked.addTrailers({ 'x-asked': 'before' })
  asked.end()
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  let text = ''
  answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  await once(answer, 'end')
  assert.deepEqual([text, answer.trailers['x-sum']], ['before', '42'])
})

test('who waits to be told to send a body hears what the service says to that', async () => {
  let asked = 0
  await using shop = await serve('expect', () => {})
  await using other = await serveTcp((socket) => {
    socket.once('data', (head) => {
      assert.match(String(head), /expect: 100-continue/i)
      if (asked++ > 0) return void socket.end('HTTP/1.1 417 No\r\ncontent-length: 0\r\n\r\n')
      socket.write('HTTP/1.1 100 Continue\r\n\r\n')
      socket.once('data', (body) => {
        socket.write(
          `HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 4\r\n\r\n${String(body)}`,
        )
      })
    })
  })
  const spec = relay.control.add('expecting', [other.port])
  await using agent = await startAgent(relay, [spec])
  void agent
  void shop
  const send = async () => {
    const sent = requestHttp(relay.url, {
      method: 'POST',
      headers: { host: 'expecting.localhost', expect: '100-continue', 'content-length': 4 },
    })
    sent.flushHeaders()
    const first = await Promise.race([
      once(sent, 'continue').then(() => 'continue'),
      once(sent, 'response').then(([answer]) => (answer as IncomingMessage).statusCode),
    ])
    if (first !== 'continue') {
      sent.destroy()
      return first
    }
    sent.end('body')
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    return String(await answer.toArray())
  }
  assert.deepEqual([await send(), await send()], ['body', 417])
})

test('an answer that comes before the body is whole, and the connection to the service is not used again', async () => {
  await using shop = await serve('early', (asked, answer) => {
    if (asked.url === '/ok') return void answer.end('fine')
    answer.writeHead(413, { 'content-length': 8 }).end('too much')
  })
  const sent = requestHttp(relay.url, { method: 'POST', headers: { host: shop.host } })
  sent.on('error', () => {})
  sent.write(Buffer.alloc(64 * 1024))
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  assert.deepEqual([answer.statusCode, String(await answer.toArray())], [413, 'too much'])
  sent.destroy()
  assert.equal(await (await shop.ask('/ok')).body.text(), 'fine')
})

test('HTTP/1.0 visitors are served, and a connection that is to be closed is', async () => {
  await using shop = await serve('old', (_, answer) => {
    answer.write('no length')
    answer.end()
  })
  const heard = await speak(relay.port, `GET / HTTP/1.0\r\nHost: ${shop.host}\r\n\r\n`)
  assert.match(heard, /^HTTP\/1\.1 200 /)
  assert.match(heard, /\r\n\r\nno length$/)
})
