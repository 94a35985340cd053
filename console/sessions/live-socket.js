import { call } from '../shared/api.js'
import { whyEnded } from './status.js'

const AGAIN_MS = 1_000
const MOST_AGAIN_MS = 15_000
const LOST = 'The connection was lost. Connecting again…'

/**
 * The live view of a session, opened again whenever it breaks, until the session has ended or `place` has left the page.
 *
 * @param hear gets each text message, as the object that it is
 * @param show gets each picture; resolves to its number
 * @param say gets a sentence on how the connection is
 * @param end gets a sentence on why there is nothing to see any more
 * @returns a function that sends a message, if it can be sent now
 */
export function openLiveSocket(path, place, { hear, show, say, end }) {
  let socket
  let waitMs = AGAIN_MS
  const send = (message) => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message))
  }
  const connect = async () => {
    const answer = await call('GET', path)
    if (!place.isConnected) return
    if (answer.status === 404) return end('There is no such session.')
    if (answer.body.endTime) return end(reasonOf(answer.body))
    if (!answer.ok) return later(LOST)
    // All who may see a session are told its address, but who acts as somebody else.
    if (!answer.body.liveUrl)
      return end('Who acts as somebody else does not watch their browsers here.')
    if (answer.body.status !== 'active') return later('Its browser is not there yet.')
    // The server is reached where this page came from, whatever it calls itself.
    const { pathname } = new URL(answer.body.liveUrl)
    socket = new WebSocket(`${location.origin.replace('http', 'ws')}${pathname}`)
    socket.binaryType = 'arraybuffer'
    socket.addEventListener('message', ({ data }) => void read(data))
    socket.addEventListener('close', () => later(LOST))
  }
  const read = async (data) => {
    if (!place.isConnected) return socket.close()
    waitMs = AGAIN_MS
    if (typeof data === 'string') hear(JSON.parse(data))
    else send({ type: 'ack', sequence: await show(data) })
  }
  const later = (why) => {
    if (!place.isConnected) return
    say(why)
    setTimeout(() => void connect(), waitMs)
    waitMs = Math.min(waitMs * 2, MOST_AGAIN_MS)
  }
  leaveWith(place, () => socket?.close())
  void connect()
  return send
}

function reasonOf({ endReason }) {
  return `The session has ended${endReason ? `: ${whyEnded(endReason)}` : ''}.`
}

/** Once a node has been in the page, and is there no more. */
function leaveWith(node, act) {
  let wasThere = false
  const watcher = new MutationObserver(() => {
    wasThere ||= node.isConnected
    if (!wasThere || node.isConnected) return
    watcher.disconnect()
    act()
  })
  watcher.observe(document.body, { childList: true, subtree: true })
}
