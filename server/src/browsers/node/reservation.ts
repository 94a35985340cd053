/** A browser that a session has claimed while its row is still being written. It counts as no session until it is taken. */
export interface Reservation {
  /** Resolves once the browser serves nobody else, on disk too. @throws ReservationFailed */
  readonly claimed: Promise<void>
  /** The row is written: the session counts from now on. @throws Error when its browser has ended meanwhile */
  take(): Promise<void>
  /** There is no row: the browser is ended. */
  drop(): Promise<void>
}

/** A browser that is on its way to a session whose row is still being written: `open` goes on with it. */
export interface Begun {
  /** There is no row that starts: the browser is ended. */
  drop(): Promise<void>
}

/** The browser was ready and could not be had all the same. Nothing keeps the session from another one. */
export class ReservationFailed extends Error {
  constructor(cause: unknown) {
    super('the browser that was ready could not be claimed', { cause })
    this.name = 'ReservationFailed'
  }
}
