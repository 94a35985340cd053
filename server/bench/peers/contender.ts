import type { Server } from './server.ts'

/** What all servers of the comparison can do, each in its own way. */
export interface Contender extends AsyncDisposable {
  readonly name: string
  readonly server: Server
  /** A session with a browser of its own, whose browser has answered its client. */
  open(): Promise<Session>
  /** All that a small job takes: a session of its own, a page with its title and a screenshot, and the end. */
  job(page: string): Promise<void>
  /** Returns once it is at rest: only the open sessions have browsers, and as many are ready as it keeps. */
  settled(sessions?: number): Promise<void>
  /** Directories that were made for sessions and are there now. */
  directories(): string[]
}

export interface Session {
  /** Settles once the client has been told that the browser is gone, with how. */
  told(): Promise<string>
  /** Whether a client that connects anew reaches the browser. */
  answers(): Promise<boolean>
  /** A new page, its title, a screenshot, and the page's end, in the browser of this session. */
  work(page: string): Promise<void>
  end(): Promise<void>
}

/** Why a server cannot take part here. */
export class LeftOut extends Error {}
