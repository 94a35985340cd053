import type { KeyMessage } from './protocol.ts'

const ALT = 1
const CONTROL = 2
const META = 4

/** Windows key codes of keys that write nothing, or not what they are called. */
const NAMED: Readonly<Record<string, number>> = {
  Backspace: 8,
  Tab: 9,
  Clear: 12,
  Enter: 13,
  Shift: 16,
  Control: 17,
  Alt: 18,
  AltGraph: 18,
  Pause: 19,
  CapsLock: 20,
  Escape: 27,
  PageUp: 33,
  PageDown: 34,
  End: 35,
  Home: 36,
  ArrowLeft: 37,
  ArrowUp: 38,
  ArrowRight: 39,
  ArrowDown: 40,
  PrintScreen: 44,
  Insert: 45,
  Delete: 46,
  Meta: 91,
  ContextMenu: 93,
  NumLock: 144,
  ScrollLock: 145,
}

/** Windows key codes by place on the keyboard, for what is neither a letter nor a digit of ASCII. */
const PLACED: Readonly<Record<string, number>> = {
  Space: 32,
  Semicolon: 186,
  Equal: 187,
  Comma: 188,
  Minus: 189,
  Period: 190,
  Slash: 191,
  Backquote: 192,
  BracketLeft: 219,
  Backslash: 220,
  BracketRight: 221,
  Quote: 222,
  IntlBackslash: 226,
  NumpadMultiply: 106,
  NumpadAdd: 107,
  NumpadSubtract: 109,
  NumpadDecimal: 110,
  NumpadDivide: 111,
}

/** The parameters of `Input.dispatchKeyEvent` for a key of a viewer's keyboard, whatever its layout. */
export function keyEvent(message: KeyMessage): Record<string, unknown> {
  const { action, key, code, location, repeat, modifiers } = message
  const text = action === 'down' ? textOf(message) : undefined
  const keyCode = keyCodeOf(message)
  return {
    type: action === 'up' ? 'keyUp' : text === undefined ? 'rawKeyDown' : 'keyDown',
    key,
    code,
    // With Control and Alt down the page would take a character of AltGr for a shortcut.
    modifiers:
      text !== undefined && writesInSpite(message) ? modifiers & ~(ALT | CONTROL) : modifiers,
    windowsVirtualKeyCode: keyCode,
    nativeVirtualKeyCode: keyCode,
    ...(text !== undefined && { text, unmodifiedText: text }),
    autoRepeat: repeat,
    isKeypad: location === 3,
    // The protocol knows left and right only.
    location: location === 3 ? 0 : location,
  }
}

/** What the key writes. A key names itself by the character that its layout gives, and by a longer word when it writes none. */
function textOf(message: KeyMessage): string | undefined {
  const { key, modifiers } = message
  const shortcut =
    (modifiers & META) !== 0 || ((modifiers & (CONTROL | ALT)) !== 0 && !writesInSpite(message))
  if (shortcut) return undefined
  if (key === 'Enter') return '\r'
  return isCharacter(key) ? key : undefined
}

/** AltGr on Windows is Control with Alt; Option on a Mac is Alt, and writes anything but the plain letter or digit. */
function writesInSpite({ key, modifiers, altGraph }: KeyMessage): boolean {
  if (!isCharacter(key)) return false
  return (
    altGraph ||
    ((modifiers & CONTROL) === 0 && (modifiers & ALT) !== 0 && !/^[a-z0-9 ]$/i.test(key))
  )
}

function isCharacter(key: string): boolean {
  return [...key].length === 1
}

function keyCodeOf({ key, code }: KeyMessage): number {
  const named = NAMED[key]
  if (named !== undefined) return named
  if (/^[a-z0-9]$/i.test(key) && !code.startsWith('Numpad')) return key.toUpperCase().charCodeAt(0)
  const letterOrDigit = /^(?:Key|Digit)([A-Z0-9])$/.exec(code)?.[1]
  if (letterOrDigit) return letterOrDigit.charCodeAt(0)
  const pad = /^Numpad(\d)$/.exec(code)?.[1]
  if (pad) return 96 + Number(pad)
  const functionKey = /^F(\d{1,2})$/.exec(key)?.[1]
  if (functionKey) return 111 + Number(functionKey)
  return PLACED[code] ?? 0
}
