import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

export interface Received {
  from: string
  to: string
  raw: string
  secure: boolean
}

/** What a server answers: nothing for yes, a refusal, or never anything. */
export type Verdict = { code: number; message: string } | 'silence' | undefined

export interface TestMailServerOptions extends SMTPServerOptions {
  /** Asked for each recipient, with how often it came before. */
  rcpt?(address: string, before: number): Verdict
  /** Asked once a mail is here, with how often one came before. */
  take?(mail: Received, before: number): Verdict
}

/** A real SMTP server on loopback that keeps what it takes. */
export class TestMailServer implements AsyncDisposable {
  readonly taken: Received[] = []
  /** Every mail whose text was sent, whatever the answer. */
  readonly seen: Received[] = []
  readonly #server: SMTPServer
  readonly #asked = new Map<string, number>()

  static async open(options: TestMailServerOptions = {}, host = '127.0.0.1') {
    const server = new TestMailServer(options)
    server.#server.listen(0, host)
    await once(server.#server.server, 'listening')
    return server
  }

  private constructor({ rcpt, take, ...options }: TestMailServerOptions) {
    this.#server = new SMTPServer({
      authOptional: true,
      hideSTARTTLS: true,
      logger: false,
      closeTimeout: 100,
      onRcptTo: ({ address }, _session, callback) => {
        const before = this.#asked.get(address) ?? 0
        this.#asked.set(address, before + 1)
        answer(rcpt?.(address, before), callback)
      },
      onData: (stream, { envelope: { mailFrom, rcptTo }, secure }, callback) => {
        const addresses = { from: mailFrom ? mailFrom.address : '', to: rcptTo[0]!.address }
        text(stream).then((raw) => {
          const mail = { ...addresses, raw, secure }
          const verdict = take?.(mail, this.seen.push(mail) - 1)
          if (!verdict) this.taken.push(mail)
          answer(verdict, callback)
        }, callback)
      },
      ...options,
    })
    // A client that goes away in the middle is what some tests are about.
    this.#server.on('error', () => {})
  }

  get port(): number {
    return (this.#server.server.address() as AddressInfo).port
  }

  get url(): string {
    return `smtp://127.0.0.1:${this.port}`
  }

  to(address: string): Received[] {
    return this.taken.filter(({ to }) => to === address)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise<void>((done) => this.#server.close(done))
  }
}

function answer(verdict: Verdict, callback: (error?: Error | null) => void): void {
  if (verdict === 'silence') return
  if (!verdict) return callback()
  callback(Object.assign(new Error(verdict.message), { responseCode: verdict.code }))
}
