/**
 * What a connection may do: everything, everything but cookies and storage, or looking.
 *
 * Without cookies, scripts still read what any script of the page reads: `document.cookie` and the storage of its origin. Cookies
 * that are `HttpOnly` stay unseen. An observer sees what pages show and send, so it is for people who may see that.
 */
export type CdpPolicy = 'driver' | 'noCookies' | 'observer'

/** Directories of the session that a client may name. */
export interface SessionFiles {
  uploads: string
  downloads: string
}

/** On whose behalf a command is looked at. */
export interface Scope {
  policy: CdpPolicy
  files: SessionFiles
}
