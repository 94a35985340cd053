import { type Answer, startApp, type TestApp, type TestAppOptions } from '#test/app.ts'
import type { Clock } from '#kernel/clock.ts'
import { systemClock } from '#kernel/clock.ts'
import { TestBrowser } from './test-browser.ts'
import { TestForger } from './test-forger.ts'
import { TestGitHub } from './test-github.ts'
import { CLIENT, TestOpenId } from './test-openid.ts'

/** The clock of this machine, which a test can put forward. */
export class ForwardClock implements Clock {
  #aheadMs = 0

  now(): Date {
    return new Date(systemClock.now().getTime() + this.#aheadMs)
  }

  monotonicMs(): number {
    return systemClock.monotonicMs() + this.#aheadMs
  }

  forward(ms: number): void {
    this.#aheadMs += ms
  }
}

/** The product with three providers: a real one (`acme`), one that lies (`forger`), and one shaped like GitHub. */
export interface Scene extends AsyncDisposable {
  app: TestApp
  clock: ForwardClock
  acme: TestOpenId
  forger: TestForger
  github: TestGitHub
  /** Somebody at a browser, who is this person at every provider. */
  browser(who: string): TestBrowser
  /** Begins as a program does; the browser keeps the cookie. */
  begin(browser: TestBrowser, provider: string): Promise<URL>
  /** The address that the provider sends the browser back to. */
  wayBack(browser: TestBrowser, authorizationUrl: URL): Promise<URL>
  /** Comes back with this query, as a program does. */
  comeBack(browser: TestBrowser, provider: string, query: URLSearchParams): Promise<Answer>
  /** Goes to the provider and back: the fragment that the console is opened with. */
  visit(browser: TestBrowser, provider: string): Promise<{ place: string; code: string }>
  /** The same, and signs in with what came of it. */
  signIn(browser: TestBrowser, provider: string, more?: object): Promise<Answer>
  /** Sends a code on, as a page in this browser. */
  use(browser: TestBrowser, path: string, body: object, bearer?: string): Promise<Answer>
}

export async function openScene(
  env: Record<string, string> = {},
  more: Pick<TestAppOptions, 'logTo'> = {},
): Promise<Scene> {
  const stack = new AsyncDisposableStack()
  const acme = stack.use(await TestOpenId.open())
  const forger = stack.use(await TestForger.open())
  const github = stack.use(await TestGitHub.open())
  const clock = new ForwardClock()
  const app = stack.use(
    await startApp({
      ...{ clock, ...more },
      env: {
        // Nothing private but the providers themselves.
        EGRESS_ALLOW: '10.255.255.255',
        OAUTH_PROVIDERS: JSON.stringify([
          { id: 'acme', name: 'Acme', issuer: acme.issuer, ...CLIENT },
          { id: 'forger', name: 'Forger', issuer: forger.issuer, ...CLIENT },
        ]),
        OAUTH_GITHUB_URL: github.origin,
        OAUTH_GITHUB_CLIENT_ID: CLIENT.clientId,
        OAUTH_GITHUB_CLIENT_SECRET: CLIENT.clientSecret,
        ...env,
      },
    }),
  )
  await acme.serve([`${app.url}/api/v1/auth/oauth/acme/callback`])

  const use: Scene['use'] = (browser, path, body, bearer) =>
    app.request('POST', path, {
      body,
      headers: {
        cookie: browser.cookies(app.url),
        ...(bearer && { authorization: `Bearer ${bearer}` }),
      },
    })
  const visit: Scene['visit'] = async (browser, provider) =>
    placeIn(await browser.open(`${app.url}/api/v1/auth/oauth/${provider}`))
  const begin: Scene['begin'] = async (browser, provider) => {
    const answer = await app.request('GET', `/v1/auth/oauth/${provider}`, {
      headers: { cookie: browser.cookies(app.url) },
    })
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body))
    browser.keep(app.url, answer.headers)
    return new URL(answer.body.authorizationUrl)
  }
  const wayBack: Scene['wayBack'] = (browser, authorizationUrl) =>
    browser.open(authorizationUrl.href, ({ origin }) => origin === app.url)
  const comeBack: Scene['comeBack'] = (browser, provider, query) =>
    app.request('GET', `/v1/auth/oauth/${provider}/callback?${query}`, {
      headers: { cookie: browser.cookies(app.url) },
    })
  return {
    ...{ app, clock, acme, forger, github, use, visit, begin, wayBack, comeBack },
    browser: (who) => {
      const browser = new TestBrowser()
      for (const origin of [acme.issuer, github.origin]) browser.setCookie(origin, 'who', who)
      return browser
    },
    signIn: async (browser, provider, more = {}) => {
      const { place, code } = await visit(browser, provider)
      if (place !== 'provider-sign-in') throw new Error(`${place}: ${code}`)
      return use(browser, '/v1/auth/oauth/sign-in', { code, ...more })
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** `#provider-sign-in=…` */
export function placeIn({ hash }: URL): { place: string; code: string } {
  const [place = '', code = ''] = hash.slice(1).split('=')
  return { place, code }
}
