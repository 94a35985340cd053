/** A mail as it goes out: nothing of it has line ends but `text` and `html`. */
export interface OutgoingMail {
  /** With angle brackets; the same in every try, so that whoever gets it twice can tell. */
  messageId: string
  mailId: string
  from: Sender
  to: string
  subject: string
  text: string
  html: string
}

export interface Sender {
  name: string
  address: string
}

/** A way for mails to leave. */
export interface Transport extends AsyncDisposable {
  readonly name: 'smtp' | 'sendgrid'
  /**
   * Hands the mail over within the transport's own deadline. Resolves to the id that the other side gave it, if it did.
   *
   * @throws SendFailed
   */
  send(mail: OutgoingMail, signal: AbortSignal): Promise<string | undefined>
}

/**
 * `temporary` may pass by itself; `refused` will not; `bounced` says that the address has no mailbox, and is not to be tried again
 * with any mail.
 */
export type FailureKind = 'temporary' | 'refused' | 'bounced'

/** Its message holds codes and words of our own only, never what the other side wrote: that may repeat the mail. */
export class SendFailed extends Error {
  readonly kind: FailureKind
  /** How long the other side wants to be left alone. */
  readonly retryAfterSeconds: number | undefined

  constructor(kind: FailureKind, message: string, retryAfterSeconds?: number) {
    super(message)
    this.name = 'SendFailed'
    this.kind = kind
    this.retryAfterSeconds = retryAfterSeconds
  }
}
