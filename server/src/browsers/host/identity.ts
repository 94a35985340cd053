/** What pages can tell about their visitor. Set when the browser starts, for its whole life. */
export interface Identity {
  /** CSS pixels of the page itself: its `innerWidth` and `innerHeight`. */
  viewport: { width: number; height: number }
  userAgent?: string
  /** BCP 47, such as `de-DE`. */
  locale?: string
  /** IANA, such as `Europe/Berlin`. */
  timezone?: string
}

/** What the window adds around the page, in CSS pixels; nothing in a headless shell. */
export interface Frame {
  width: number
  height: number
}

/** Chromium makes no window narrower than this; a narrower page fills a screen of its own size instead. */
const MIN_WINDOW_WIDTH = 500
const USUAL_SCREEN = { width: 1920, height: 1080 }
const DEFAULT_LOCALE = 'en-US'
const DEFAULT_TIMEZONE = 'UTC'

export function identitySwitches(identity: Identity, frame: Frame): string[] {
  const locale = identity.locale ?? DEFAULT_LOCALE
  return [
    ...windowSwitches(identity.viewport, frame),
    `--lang=${locale}`,
    `--accept-lang=${acceptedLanguages(locale)}`,
    ...(identity.userAgent ? [`--user-agent=${identity.userAgent}`] : []),
  ]
}

/** The same for two identities when one browser can serve both. */
export function identityKey(identity: Identity, frame: Frame): string {
  return JSON.stringify([identitySwitches(identity, frame), identityEnvironment(identity)])
}

/** Chromium takes its own language from the environment on Linux, whatever `--lang` says. */
export function identityEnvironment({ locale = DEFAULT_LOCALE, timezone }: Identity) {
  const language = locale.replaceAll('-', '_')
  return { LANGUAGE: language, LANG: `${language}.UTF-8`, TZ: timezone ?? DEFAULT_TIMEZONE }
}

function windowSwitches({ width, height }: Identity['viewport'], frame: Frame): string[] {
  if (width + frame.width < MIN_WINDOW_WIDTH) {
    return [`--window-size=${width},${height}`, screen(width, height), '--start-fullscreen']
  }
  const outer = { width: width + frame.width, height: height + frame.height }
  return [
    `--window-size=${outer.width},${outer.height}`,
    screen(Math.max(outer.width, USUAL_SCREEN.width), Math.max(outer.height, USUAL_SCREEN.height)),
  ]
}

function screen(width: number, height: number): string {
  return `--screen-info={${width}x${height}}`
}

/** `de-DE` reads German of any kind too, as a browser with that language does. */
function acceptedLanguages(locale: string): string {
  const [language] = locale.split('-')
  return language === locale ? locale : `${locale},${language}`
}
