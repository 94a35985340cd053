import { element } from '../shared/elements.js'

const BUTTONS = ['left', 'middle', 'right', 'back', 'forward']
const MOST_PASTED = 65_536

/**
 * Sends what is done with mouse, fingers and keys on the screen. The text area takes the keys, since compositions and pasting want
 * something to write into; it lets them through while `drives()` is false.
 *
 * @param begin is called before a press, when the person does not drive yet
 */
export function followInput({ canvas, placeOf }, { send, drives, begin }) {
  const writer = element('textarea', { className: 'writer', 'aria-label': 'Keys for the page' })
  const at = (event) => ({ ...placeOf(event), modifiers: modifiersOf(event) })
  const on = (node, names, listener) => {
    for (const name of names) node.addEventListener(name, listener, { passive: false })
  }
  const press = (event) => {
    event.preventDefault()
    writer.focus({ preventScroll: true })
    if (!drives()) begin()
  }
  on(canvas, ['mousedown', 'mouseup', 'mousemove'], (event) => {
    if (event.type === 'mousedown') press(event)
    sendMouse(event, at(event), send, drives)
  })
  // What is pressed in the picture is let go outside of it too.
  on(canvas, ['pointerdown'], ({ pointerId, pointerType }) => {
    if (pointerType === 'mouse') canvas.setPointerCapture(pointerId)
  })
  on(canvas, ['contextmenu'], (event) => event.preventDefault())
  on(canvas, ['wheel'], (event) => {
    if (!drives()) return
    event.preventDefault()
    send({ type: 'wheel', ...at(event), dx: event.deltaX, dy: event.deltaY })
  })
  on(canvas, ['touchstart', 'touchmove', 'touchend', 'touchcancel'], (event) => {
    // While somebody only watches, fingers move this page; a tap comes as a click of a mouse.
    if (!drives()) return
    if (event.type === 'touchstart') press(event)
    event.preventDefault()
    const points = [...event.touches].map((touch) => ({ id: touch.identifier, ...placeOf(touch) }))
    send({ type: 'touch', action: event.type.slice(5), points, modifiers: modifiersOf(event) })
  })
  followKeys(writer, send, drives)
  return writer
}

function sendMouse(event, place, send, drives) {
  const { type, button, detail } = event
  const action = type.slice(5)
  if (action === 'move') return drives() && send({ type: 'mouse', action, ...place })
  send({
    ...{ type: 'mouse', action, button: BUTTONS[button] ?? 'left', clicks: Math.min(detail, 3) },
    ...place,
  })
}

function followKeys(writer, send, drives) {
  const on = (name, listener) => writer.addEventListener(name, listener)
  const held = new Map()
  const key = (event) => {
    if (isWayOut(event)) return writer.blur()
    const pastes = (event.ctrlKey || event.metaKey) && event.key === 'v'
    if (!drives() || event.isComposing || event.key === 'Process' || pastes) return
    event.preventDefault()
    const { key, code, location, repeat } = event
    const altGraph = event.getModifierState('AltGraph')
    const modifiers = modifiersOf(event)
    const action = event.type.slice(3)
    const message = { type: 'key', action, key, code, location, repeat, altGraph, modifiers }
    if (action === 'down') held.set(code, message)
    else held.delete(code)
    send(message)
  }
  on('keydown', key)
  on('keyup', key)
  // Of keys that are let go elsewhere nothing is heard.
  on('blur', () => {
    for (const message of held.values())
      send({ ...message, action: 'up', repeat: false, modifiers: 0 })
    held.clear()
  })
  on('compositionupdate', ({ data }) => send({ type: 'compose', text: data }))
  on('compositionend', ({ data }) => {
    send({ type: 'commit', text: data })
    writer.value = ''
  })
  // Such as what a palette of emoji writes; keys and compositions have left nothing by now.
  on('input', ({ isComposing }) => {
    if (isComposing || writer.value === '') return
    if (drives()) send({ type: 'commit', text: writer.value })
    writer.value = ''
  })
  on('paste', (event) => {
    event.preventDefault()
    const text = event.clipboardData.getData('text').slice(0, MOST_PASTED)
    if (drives()) send({ type: 'paste', text })
  })
}

/** Who has no mouse must get out of the picture again. */
function isWayOut({ type, key, shiftKey }) {
  return type === 'keydown' && key === 'Escape' && shiftKey
}

function modifiersOf({ altKey, ctrlKey, metaKey, shiftKey }) {
  return Number(altKey) + 2 * Number(ctrlKey) + 4 * Number(metaKey) + 8 * Number(shiftKey)
}
