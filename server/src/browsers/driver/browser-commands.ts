import type { OpenDialog, TabState, Timed, WaitUntil } from './command-parts.ts'

export type TabsInput = Timed &
  (
    | { action: 'list' }
    /** `url` as of `navigate`; `about:blank` when absent. A tab whose URL could not be opened is closed again. */
    | { action: 'open'; url?: string; waitUntil?: WaitUntil }
    | { action: 'close'; tabId: string }
    | { action: 'activate'; tabId: string }
  )

export interface TabsResult {
  /** The tab that was opened, closed or activated. */
  tabId?: string
  /** All of them after the command, in the order in which they were opened. */
  tabs: TabState[]
}

export interface Cookie {
  name: string
  value: string
  /** With a dot in front, subdomains get it too. */
  domain: string
  path: string
  /** Seconds since 1970; a cookie without ends with the browser. */
  expires?: number
  httpOnly: boolean
  secure: boolean
  sameSite?: 'Strict' | 'Lax' | 'None'
  partitionKey?: { topLevelSite: string; hasCrossSiteAncestor: boolean }
}

/** A cookie to be set: for `url`, or for `domain` and `path` (default `/`). */
export type NewCookie = Pick<Cookie, 'name' | 'value'> &
  Partial<Omit<Cookie, 'name' | 'value'>> & { url?: string }

export type CookiesInput = Timed &
  (
    | { action: 'get'; urls?: readonly string[] }
    | { action: 'set'; cookies: readonly NewCookie[] }
    /** All cookies, or those that fit every member given. */
    | { action: 'clear'; name?: string; domain?: string; path?: string }
  )

export interface CookiesResult {
  /** Of `get`. */
  cookies?: Cookie[]
  /** How many were set or cleared. */
  count?: number
}

export interface HistoryInput extends Timed {
  /** Default `load`. */
  waitUntil?: WaitUntil
}

export interface DialogInput extends Timed {
  action: 'accept' | 'dismiss'
  /** What is entered in a prompt that is accepted. */
  promptText?: string
  /** Answers so many dialogs at most that the page opens one after another; default 1. */
  repeat?: number
}

export interface DialogResult {
  /** The dialogs that were answered, in their order. */
  answered: OpenDialog[]
  /** The one that holds the page now. */
  dialog?: OpenDialog
}
