import assert from 'node:assert/strict'
import { generateSync } from 'otplib'
import { type Answer, type Person, startApp, type TestApp } from '#test/app.ts'
import { TestClock } from '../test-support.ts'

export const STEP_MS = 30_000
export const MINUTE_MS = 60_000

/** What answers to codes may be refused with, as `refusal` shows it. */
export const REFUSED = [403, 'factor.code_refused']
export const OVER = [401, 'factor.challenge_over']
export const LOCKED = [429, 'factor.locked']

// A test knows what it asked for.
// oxlint-disable-next-line typescript/no-explicit-any
export type Json = any

/** A person's authenticator app, which is an implementation of its own. */
export interface Phone {
  /** What it shows now, or so many steps of 30 s from now. */
  code(steps?: number): string
}

/** Somebody with an authenticator app that is confirmed. */
export interface Protected {
  person: Person
  phone: Phone
  backupCodes: string[]
}

/** The product with a clock that stands still until it is told to go on, and what people do with it. */
export class FactorApp implements AsyncDisposable {
  readonly app: TestApp
  readonly clock: TestClock

  static async start(env: Record<string, string> = {}): Promise<FactorApp> {
    const clock = new TestClock()
    return new FactorApp(await startApp({ clock, env }), clock)
  }

  private constructor(app: TestApp, clock: TestClock) {
    this.app = app
    this.clock = clock
  }

  phoneOf(secret: string): Phone {
    return {
      code: (steps = 0) =>
        generateSync({ secret, epoch: (this.clock.now().getTime() + steps * STEP_MS) / 1000 }),
    }
  }

  /** Sets up an app and confirms it; the time goes on by two steps, so that its next code is new. */
  async protect(person: Person): Promise<Protected> {
    const begun = ok(await person.post('/v1/auth/2fa/enroll', {}))
    const phone = this.phoneOf(begun.secret)
    const { backupCodes } = ok(await person.post('/v1/auth/2fa/verify', { code: phone.code() }))
    this.clock.advance(2 * STEP_MS)
    return { person, phone, backupCodes }
  }

  async protectedPerson(): Promise<Protected> {
    return this.protect(await this.app.person())
  }

  /** Makes all sign-ins of the person such as were made by password alone, before there was a factor. */
  async weaken({ userId }: Person): Promise<void> {
    const { db } = this.app.app.systemContext()
    await db
      .updateTable('signIns')
      .set({ amr: ['pwd'] })
      .where('userId', '=', userId)
      .execute()
  }

  /** The answer to the password. */
  login({ email, password }: Person, more: object = {}): Promise<Answer> {
    const body = { email, password, ...more }
    return this.app.request('POST', '/v1/auth/login', { body })
  }

  async challenge(person: Person): Promise<string> {
    const answer = ok(await this.login(person))
    assert.equal(answer.secondFactorRequired, true)
    return answer.challengeId
  }

  verify(body: object, path = '/v1/auth/2fa/verify'): Promise<Answer> {
    return this.app.request('POST', path, { body })
  }

  verifyBackup(body: object): Promise<Answer> {
    return this.verify(body, '/v1/auth/2fa/backup/verify')
  }

  /** Sends as whoever holds this token. */
  as(accessToken: string, method: string, path: string, body?: unknown): Promise<Answer> {
    const headers = { authorization: `Bearer ${accessToken}` }
    return this.app.request(method, path, { headers, body })
  }

  async eventsOf({ accountId }: Person): Promise<{ kind: string; data: Json }[]> {
    const { db } = this.app.app.systemContext()
    const rows = await db
      .selectFrom('events')
      .select(['kind', 'data'])
      .where('accountId', '=', accountId)
      .orderBy('id')
      .execute()
    return rows
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.app[Symbol.asyncDispose]()
  }
}

/** The body of an answer that must be a good one. */
export function ok({ status, body }: Answer): Json {
  assert.ok(status >= 200 && status < 300, `${status} ${JSON.stringify(body)}`)
  return body
}

/** What a refusal says. */
export function refusal({ status, body }: Answer): [number, string] {
  return [status, body.code]
}

export function tally(answers: Answer[]): Record<string, number> {
  const names = answers.map(({ status, body }) => (status < 300 ? 'ok' : body.code))
  return Object.fromEntries(
    [...new Set(names)].map((name) => [name, names.filter((one) => one === name).length]),
  )
}

/** Another code of six digits. */
export function wrong(code: string): string {
  return String((Number(code) + 1) % 1_000_000).padStart(6, '0')
}

export function claims(accessToken: string): { amr: string[] } {
  return JSON.parse(Buffer.from(accessToken.split('.')[1]!, 'base64url').toString())
}
