// The viewers of `live-view.bench.ts`: counts what reaches each, and prints it as JSON.
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import WebSocket from 'ws'

export interface WatchTask {
  url: string
  /** Through a live view, or each with a DevTools connection and a screencast of its own. */
  way: 'live view' | 'own screencasts'
  viewers: number
  seconds: number
}

export interface Watched {
  fps: number[]
  /** Until the first frame of the slowest. */
  firstFrameMs: number
  /** Of a frame, on average, as it was sent. */
  bytes: number
}

const WARM_UP_MS = 1_500
const { url, way, viewers, seconds } = JSON.parse(process.env.TASK!) as WatchTask
const counts = Array.from({ length: viewers }, () => ({ frames: 0, bytes: 0, firstAtMs: 0 }))
const begunMs = performance.now()
const sockets = await Promise.all(counts.map((_, at) => connect(at)))
await sleep(WARM_UP_MS)
const before = counts.map(({ frames }) => frames)
const startMs = performance.now()
await sleep(seconds * 1000)
const elapsed = (performance.now() - startMs) / 1000
const watched: Watched = {
  fps: counts.map(({ frames }, at) => (frames - before[at]!) / elapsed),
  firstFrameMs: Math.max(...counts.map(({ firstAtMs }) => firstAtMs)) - begunMs,
  bytes: counts[0]!.bytes / counts[0]!.frames,
}
for (const socket of sockets) socket.terminate()
console.log(JSON.stringify(watched))

async function connect(at: number): Promise<WebSocket> {
  const socket = new WebSocket(url, { perMessageDeflate: false })
  await once(socket, 'open')
  if (way === 'live view') watchLive(socket, at)
  else watchAlone(socket, at)
  return socket
}

function watchLive(socket: WebSocket, at: number): void {
  socket.on('message', (message: Buffer, isBinary) => {
    if (!isBinary) return
    count(at, message.length)
    socket.send(JSON.stringify({ type: 'ack', sequence: message.readUInt32BE(8) }))
  })
}

interface Message {
  method?: string
  params?: { data: string; sessionId: number }
  result?: { targetInfos?: { type: string; targetId: string }[]; sessionId?: string }
}

function watchAlone(socket: WebSocket, at: number): void {
  let page: string | undefined
  let id = 0
  const send = (method: string, params: object) =>
    socket.send(JSON.stringify({ id: ++id, method, params, sessionId: page }))
  socket.on('message', (bytes: Buffer) => {
    const { method, params, result } = JSON.parse(bytes.toString()) as Message
    const target = result?.targetInfos?.find(({ type }) => type === 'page')
    if (target) send('Target.attachToTarget', { targetId: target.targetId, flatten: true })
    if (result?.sessionId) {
      page = result.sessionId
      send('Page.startScreencast', { format: 'jpeg', quality: 80 })
    }
    if (method !== 'Page.screencastFrame') return
    count(at, bytes.length)
    send('Page.screencastFrameAck', { sessionId: params!.sessionId })
  })
  send('Target.getTargets', {})
}

function count(at: number, bytes: number): void {
  const counted = counts[at]!
  counted.frames++
  counted.bytes += bytes
  counted.firstAtMs ||= performance.now()
}
