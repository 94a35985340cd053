import { once } from 'node:events'
import { WebSocket } from 'ws'

/** One entry of Chromium's own log of what its network stack does. */
export interface NetEvent {
  name: string
  args: { params?: { address?: string; host?: string } }
}

interface Message {
  id?: number
  method?: string
  params: { value: NetEvent[] }
}

const [START, END] = [1, 2]

/** What the whole browser's network stack did while `work` went on. */
export async function netLog(endpoint: string, work: () => Promise<unknown>): Promise<NetEvent[]> {
  const socket = new WebSocket(endpoint)
  const events: NetEvent[] = []
  const [begun, complete] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  socket.on('message', (text) => {
    const { id, method, params } = JSON.parse(String(text)) as Message
    if (id === START) begun.resolve()
    if (method === 'Tracing.dataCollected') events.push(...params.value)
    if (method === 'Tracing.tracingComplete') complete.resolve()
  })
  socket.on('close', () => {
    const error = new Error('the browser closed the connection')
    for (const { reject } of [begun, complete]) reject(error)
  })
  await once(socket, 'open')
  const traceConfig = { includedCategories: ['netlog'], excludedCategories: ['*'] }
  socket.send(JSON.stringify({ id: START, method: 'Tracing.start', params: { traceConfig } }))
  // The network stack is a process of its own, which hears of it later.
  await begun.promise
  await work()
  socket.send(JSON.stringify({ id: END, method: 'Tracing.end' }))
  await complete.promise
  socket.terminate()
  return events
}
