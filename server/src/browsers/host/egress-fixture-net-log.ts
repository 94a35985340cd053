import { once } from 'node:events'
import { WebSocket } from 'ws'

/** One entry of Chromium's own log of what its network stack does. */
export interface NetEvent {
  name: string
  args: { params?: { address?: string; host?: string } }
}

interface Message {
  method?: string
  params: { value: NetEvent[] }
}

/** What the whole browser's network stack did while `work` went on. */
export async function netLog(endpoint: string, work: () => Promise<unknown>): Promise<NetEvent[]> {
  const socket = new WebSocket(endpoint)
  const events: NetEvent[] = []
  const complete = Promise.withResolvers<void>()
  socket.on('message', (text) => {
    const { method, params } = JSON.parse(String(text)) as Message
    if (method === 'Tracing.dataCollected') events.push(...params.value)
    if (method === 'Tracing.tracingComplete') complete.resolve()
  })
  socket.on('close', () => complete.reject(new Error('the browser closed the connection')))
  await once(socket, 'open')
  const traceConfig = { includedCategories: ['netlog'], excludedCategories: ['*'] }
  socket.send(JSON.stringify({ id: 1, method: 'Tracing.start', params: { traceConfig } }))
  await work()
  socket.send(JSON.stringify({ id: 2, method: 'Tracing.end' }))
  await complete.promise
  socket.terminate()
  return events
}
