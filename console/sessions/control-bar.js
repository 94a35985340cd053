import { button, element } from '../shared/elements.js'
import { moment } from '../shared/words.js'

const RENEW_MS = 60_000
const RELEASE_MS = 2_000

/** Who drives, and the way to become it. `hear` gets every message of the live view that may change that. */
export function controlBar(send) {
  let you
  let state = { requests: [] }
  let renewedAtMs = 0
  let onChange = () => undefined

  const isMe = (holder) => you !== undefined && holder?.id === you.holder.id
  const drives = () => isMe(state.holder)
  const waits = () => state.requests.some(({ holder }) => isMe(holder))
  const ask = () => send({ type: 'control', action: 'request' })
  const giveUp = () => send({ type: 'control', action: 'return' })

  // Both stay in the page: the one is read aloud when it changes, and the other keeps the focus.
  const line = element('p', { role: 'status' })
  const way = button('Take control', () => (drives() || waits() ? giveUp() : ask()))
  function draw() {
    line.replaceChildren(...sentence())
    way.textContent = wayOut() ?? (state.holder ? 'Ask for control' : 'Take control')
    way.className = wayOut() ? '' : 'primary'
    way.hidden = !you?.mayControl
  }
  function sentence() {
    const { holder, expiresAt } = state
    if (!holder) return ['Nobody has control: programs may drive.']
    if (isMe(holder))
      return [element('strong', {}, 'You have control'), ' until ', moment(expiresAt), '.']
    return [
      `${whoIs(holder)} has control until `,
      moment(expiresAt),
      waits() ? '; you are next.' : '.',
    ]
  }
  function wayOut() {
    if (drives()) return 'Return control'
    return waits() ? 'Stop waiting' : undefined
  }
  draw()
  return {
    place: element('div', { className: 'control' }, line, way),
    drives,
    ask: () => you?.mayControl && !waits() && ask(),
    /** Takes it where nobody has it; to wait for it is a wish of its own. */
    take: () => you?.mayControl && !state.holder && ask(),
    /** Resolves once somebody else may drive. */
    async release() {
      if (!drives()) return
      const { promise, resolve } = Promise.withResolvers()
      onChange = () => drives() || resolve()
      giveUp()
      await Promise.race([promise, new Promise((done) => setTimeout(done, RELEASE_MS))])
    },
    /** Whoever goes on working keeps it. */
    renew() {
      if (!drives() || Date.now() < renewedAtMs + RENEW_MS) return
      renewedAtMs = Date.now()
      send({ type: 'control', action: 'renew' })
    },
    hear(message) {
      if (message.type === 'hello') [you, state] = [message.you, message.control]
      else if (message.type === 'control') state = message.state
      else return
      onChange()
      draw()
    },
  }
}

function whoIs({ kind, name }) {
  return name ?? (kind === 'person' ? 'Somebody else' : 'A program')
}
