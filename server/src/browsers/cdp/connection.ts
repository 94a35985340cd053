/** How a connection ended: the code and reason of a close frame, 1006 without one. */
export interface CdpEnd {
  code: number
  reason: string
}

export interface CdpStats {
  /** Of the client. */
  messages: number
  /** From the client. */
  bytesUp: number
  /** To the client. */
  bytesDown: number
}

/** One client of a browser. */
export interface CdpConnection {
  /** Ends it. The client is told, unless it is in the middle of a message that it does not read. */
  close(code: number, reason: string): void
  /** Settles when the client's socket is gone. It does not reject. */
  readonly closed: Promise<CdpEnd>
  readonly stats: Readonly<CdpStats>
}

export interface CdpLimits {
  /** Longest message of a client; the browser itself takes no more than 100 MiB. */
  maxMessageBytes: number
  /** How long a client may leave unread what is sent to it. */
  stallMs: number
  /** How long the browser may take to accept a connection. */
  dialMs: number
}
