import { join } from 'node:path'
import { eventually, freePort } from '#kernel/test-support.ts'
import { CdpSession, drive } from './cdp-session.ts'
import type { Contender, Session } from './contender.ts'
import { ask } from './http.ts'
import { makePlace, Server } from './server.ts'

const GANTRY = join(import.meta.dirname, '../../../cli/bin/gantry.mjs')
const PERSON = { email: 'bench@example.test', password: 'plum-harbour-quiet-lantern-93' }
const SETTLE_MS = 60_000

interface Created {
  id: string
  cdpUrl: string
}

/** `gantry serve` with every default but where it may go, and how many browsers it keeps ready. */
export class Gantry implements Contender {
  readonly name: string
  readonly server: Server
  readonly #url: string
  readonly #warm: number
  readonly #key: string

  static async start(name: string, warm: number): Promise<Gantry> {
    const place = await makePlace('gantry')
    const port = String(await freePort())
    const url = `http://127.0.0.1:${port}`
    const server = await Server.start(place, {
      command: [process.execPath, GANTRY, 'serve'],
      env: {
        ...{ GANTRY_HOME: join(place.root, 'home'), PORT: port, WARM_BROWSERS: String(warm) },
        EGRESS_ALLOW: '127.0.0.0/8',
      },
      isReady: async () => (await fetch(`${url}/health/ready`)).ok,
    })
    try {
      return new Gantry(name, server, url, warm, await makeKey(url))
    } catch (error) {
      await server[Symbol.asyncDispose]()
      throw error
    }
  }

  private constructor(name: string, server: Server, url: string, warm: number, key: string) {
    this.name = name
    this.server = server
    this.#url = url
    this.#warm = warm
    this.#key = key
  }

  /** `POST /v1/sessions`, then a socket to its `cdpUrl`. */
  async open(): Promise<Session> {
    const sessions = `${this.#url}/api/v1/sessions`
    const { id, cdpUrl } = await ask<Created>(sessions, this.#with('POST', {}))
    return CdpSession.open({
      address: cdpUrl,
      again: async () => cdpUrl,
      end: () => ask(`${sessions}/${id}`, this.#with('DELETE')),
    })
  }

  /** Makes the browser by connecting; it ends with the connection. */
  async openInOneStep(): Promise<Session> {
    return CdpSession.open({ address: this.#address(), again: async () => this.#address() })
  }

  job(page: string): Promise<void> {
    return drive(this.#address(), page)
  }

  async settled(sessions = 0): Promise<void> {
    const look = async () => {
      const text = await (await fetch(`${this.#url}/metrics`)).text()
      const count = (state: string) => {
        const line = new RegExp(`^gantry_browser_sessions\\{state="${state}"\\} (\\d+)`, 'm')
        return Number(line.exec(text)?.[1])
      }
      return count('ready') >= this.#warm && count('warming') + count('ending') === 0
    }
    await eventually('it is at rest', look, SETTLE_MS)
    const rest = () => this.server.family.browsers().length === this.#warm + sessions
    await eventually('its browsers are gone', rest, SETTLE_MS)
  }

  directories(): string[] {
    const { root, temporary } = this.server.place
    return this.server.directories([join(root, 'home/sessions'), temporary])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]()
  }

  #address(): string {
    return `${this.#url.replace('http', 'ws')}/cdp?apiKey=${this.#key}`
  }

  #with(method: 'POST' | 'DELETE', body?: unknown) {
    return { method, body, token: this.#key }
  }
}

async function makeKey(url: string): Promise<string> {
  const api = `${url}/api/v1`
  const { accessToken } = await ask<{ accessToken: string }>(`${api}/auth/register`, {
    ...{ method: 'POST', body: PERSON },
  })
  const body = { name: 'bench', scopes: ['sessions.*'] }
  const { key } = await ask<{ key: string }>(`${api}/api-keys`, {
    ...{ method: 'POST', body, token: accessToken },
  })
  return key
}
