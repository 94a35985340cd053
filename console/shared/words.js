import { element } from './elements.js'

/** Text in which `code` is set apart. */
export function paragraph(text) {
  const parts = text.split('`')
  return element(
    'p',
    {},
    parts.map((part, index) => (index % 2 === 1 ? element('code', {}, part) : part)),
  )
}

/** `must have 15 characters` becomes `Must have 15 characters.` */
export function sentence(text) {
  const whole = text[0].toUpperCase() + text.slice(1)
  return /[.!?]$/.test(whole) ? whole : `${whole}.`
}

/** `90` becomes `1 min 30 s`: the two largest parts. */
export function duration(seconds) {
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [Math.floor(seconds) % 60, 's'],
  ]
  const first = parts.findIndex(([count]) => count > 0)
  if (first < 0) return 'a moment'
  const shown = parts.slice(first, first + 2).filter(([count]) => count > 0)
  return shown.map(([count, unit]) => `${count} ${unit}`).join(' ')
}

/** An instant for people, in the language that they chose. */
export function moment(iso) {
  const options = { dateStyle: 'medium', timeStyle: 'short' }
  const at = new Date(iso)
  const made = element('time', { dateTime: iso }, at.toLocaleString(language, options))
  made.title = iso
  return made
}

let language

export function speak(tag) {
  try {
    language = Intl.getCanonicalLocales(tag)[0]
  } catch {
    language = undefined
  }
}

const BROWSERS = [
  [/\bEdg\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bFirefox\//, 'Firefox'],
  [/Headless|\bChrom(e|ium)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
  [/\bcurl\//, 'curl'],
  [/\bnode\b/i, 'Node.js'],
]
const SYSTEMS = [
  [/iPhone|iPad/, 'iOS'],
  [/Android/, 'Android'],
  [/Windows/, 'Windows'],
  [/Mac OS X/, 'macOS'],
  [/CrOS/, 'ChromeOS'],
  [/Linux/, 'Linux'],
]

/** `Firefox on Linux`, or the start of what the program calls itself. */
export function deviceName(userAgent) {
  if (!userAgent) return 'Unknown device'
  const [browser, system] = [BROWSERS, SYSTEMS].map(
    (known) => known.find(([pattern]) => pattern.test(userAgent))?.[1],
  )
  if (!browser) return userAgent.length > 60 ? `${userAgent.slice(0, 60)}…` : userAgent
  return system ? `${browser} on ${system}` : browser
}
