import { button, element } from '../shared/elements.js'
import { moment } from '../shared/words.js'

const RENEW_MS = 60_000
const RELEASE_MS = 2_000

/** Who drives, and the way to become it. `take` gets every message of the live view that may change that. */
export function controlBar(send) {
  const place = element('div', { className: 'control' })
  let you
  let state = { requests: [] }
  let renewedAtMs = 0
  let onChange = () => undefined

  const isMe = (holder) => holder?.id === you?.holder.id
  const drives = () => isMe(state.holder)
  const waits = () => state.requests.some(({ holder }) => isMe(holder))
  const ask = () => send({ type: 'control', action: 'request' })

  function draw() {
    place.replaceChildren(
      element('p', { role: 'status' }, ...sentence()),
      you?.mayControl ? action() : '',
    )
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
  function action() {
    const giveUp = () => send({ type: 'control', action: 'return' })
    if (drives()) return button('Return control', giveUp)
    if (waits()) return button('Stop waiting', giveUp)
    return button(state.holder ? 'Ask for control' : 'Take control', ask, { className: 'primary' })
  }
  draw()
  return {
    place,
    drives,
    ask: () => you?.mayControl && !waits() && ask(),
    /** Resolves once somebody else may drive. */
    async release() {
      if (!drives()) return
      const { promise, resolve } = Promise.withResolvers()
      onChange = () => drives() || resolve()
      send({ type: 'control', action: 'return' })
      await Promise.race([promise, new Promise((done) => setTimeout(done, RELEASE_MS))])
    },
    /** Whoever goes on working keeps it. */
    renew() {
      if (!drives() || Date.now() < renewedAtMs + RENEW_MS) return
      renewedAtMs = Date.now()
      send({ type: 'control', action: 'renew' })
    },
    take(message) {
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
