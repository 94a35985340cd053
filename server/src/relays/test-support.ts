import { randomBytes } from 'node:crypto'
import type { Answer, Person, TestApp } from '#test/app.ts'
import type { BeatFacts, BeatRelay } from './relay-schema.ts'

export const idleFacts: BeatFacts = {
  ...{ version: '0.1.0', draining: false, links: 0, tunnels: 0, streams: 0, requests: 0 },
  ...{ failures: 0, bytesIn: 0, bytesOut: 0, cpu: 0.1, eventLoopDelayMs: 10, memoryMib: 90 },
  ...{ uptimeSeconds: 60, now: '2026-11-22T12:00:00.000Z' },
}

export function fingerprint(): string {
  return [...randomBytes(32)]
    .map((byte) => byte.toString(16).padStart(2, '0').toUpperCase())
    .join(':')
}

/** A relay as the control plane sees it: it has joined, and says what a test makes it say. */
export class ToldRelay {
  id = ''
  credential = ''
  readonly fingerprint = fingerprint()
  readonly #app: TestApp
  #sequence = 0

  constructor(app: TestApp) {
    this.#app = app
  }

  static async join(app: TestApp, root: Person): Promise<ToldRelay> {
    const relay = new ToldRelay(app)
    const answer = await relay.joinWith(await joinToken(root))
    if (answer.status !== 201) throw new Error(JSON.stringify(answer.body))
    return relay
  }

  async joinWith(token: string): Promise<Answer> {
    const answer = await this.#app.request('POST', '/v1/relay/join', {
      body: {
        ...{ token, version: '0.1.0', url: 'http://127.0.0.1:8720', fingerprint: this.fingerprint },
        internalUrl: 'https://127.0.0.1:8721',
      },
    })
    if (answer.status !== 201) return answer
    this.id = answer.body.relayId
    this.credential = answer.body.credential
    return answer
  }

  beat(
    told: Partial<Omit<BeatRelay, 'facts'>> & { facts?: Partial<BeatFacts> } = {},
  ): Promise<Answer> {
    const now = this.#app.app.systemContext().clock.now().toISOString()
    return this.post('beat', {
      sequence: ++this.#sequence,
      ...told,
      facts: { ...idleFacts, now, ...told.facts },
    })
  }

  leave(): Promise<Answer> {
    return this.post('leave', { sequence: ++this.#sequence })
  }

  post(what: string, body: unknown): Promise<Answer> {
    return this.#app.request('POST', `/v1/relay/${what}`, {
      body,
      headers: { authorization: `Bearer ${this.credential}` },
    })
  }
}

export async function joinToken(root: Person): Promise<string> {
  return (await root.post('/v1/fleet/join-tokens', { name: 'test' })).body.token
}

export async function addTunnel(person: Person, body: object): Promise<Answer['body']> {
  const answer = await person.post('/v1/tunnels', body)
  if (answer.status !== 201) throw new Error(JSON.stringify(answer.body))
  return answer.body
}

export function runAgent(person: Person, tunnels: string[]): Promise<Answer> {
  return person.post('/v1/tunnel-agents', { label: 'laptop', version: '1.0.0', tunnels })
}
