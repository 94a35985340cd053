import assert from 'node:assert/strict'
import type { RequestListener } from 'node:http'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startApp, type TestApp } from '../app.ts'
import { type PageServer, servePages } from '../page-server.ts'
import { Account, type Answer } from './account.ts'
import { Rental, type Running } from './rental.ts'

const PULSE_EVERY_MS = 300
/** A bystander may have to wait for its turn on a busy machine; it never fails. */
const PATIENCE_MS = 30_000

/**
 * A product with real browsers, and a bystander: somebody with a session of their own, who notices nothing of what becomes of others.
 */
export class Scene implements AsyncDisposable {
  readonly running: Running
  readonly url: string
  readonly site: PageServer
  /** Kinds of the events of an account. */
  readonly factsOf: (accountId: string) => Promise<string[]>
  readonly #bystander: Rental
  readonly #stack: AsyncDisposableStack

  static async open(
    env: Record<string, string> = {},
    answer: RequestListener = (_request, response) => void response.end(PAGE),
  ): Promise<Scene> {
    const stack = new AsyncDisposableStack()
    const site = stack.use(await servePages(answer))
    // Of the private addresses, its browsers reach the site only.
    const EGRESS_ALLOW = new URL(site.url).host
    const app = stack.use(await startApp({ browsers: true, env: { EGRESS_ALLOW, ...env } }))
    const running = { home: app.home, pid: process.pid }
    const bystander = await Rental.open(await Account.register(app.url), app.home)
    await bystander.command('navigate', { url: `${site.url}/bystander` })
    await bystander.evaluate('void (window.kept = "here")')
    return new Scene(running, app, site, bystander, stack)
  }

  private constructor(
    running: Running,
    app: TestApp,
    site: PageServer,
    bystander: Rental,
    stack: AsyncDisposableStack,
  ) {
    this.running = running
    this.url = app.url
    this.factsOf = (accountId) => app.eventKinds(accountId)
    this.site = site
    this.#bystander = bystander
    this.#stack = stack
  }

  /** A session of an account of its own. */
  async rent(wish: object = {}): Promise<Rental> {
    return Rental.open(await Account.register(this.url), this.running.home, wish)
  }

  /**
   * Lets something bad happen in a session, or to it. The bystander is driven before, meanwhile and after; then the session is ended,
   * if the fault has not, and nothing of it may be left. Returns the session as it ended.
   */
  async survives(
    t: TestContext,
    fault: (culprit: Rental) => Promise<void>,
    wish: object = {},
  ): Promise<Answer['body']> {
    await this.#isUnharmed()
    const culprit = await this.rent(wish)
    await culprit.command('navigate', { url: this.site.url })
    const over = new AbortController()
    const pulse = this.#feelPulse(over.signal)
    const startedAt = performance.now()
    const ended = await fault(culprit)
      .then(() => culprit.end(this.running))
      .finally(() => over.abort())
    const slowestMs = await pulse
    await this.#isUnharmed()
    const tookMs = performance.now() - startedAt
    const how = `${ended.status}, ${ended.endReason}${ended.errorMessage ? `: ${ended.errorMessage}` : ''}`
    t.diagnostic(`ended after ${tookMs.toFixed(0)} ms (${how}); bystander ≤ ${slowestMs} ms`)
    return ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }

  /** Its page is the same, and it can be shown and left. */
  async #isUnharmed(): Promise<void> {
    const bystander = this.#bystander
    assert.equal(await bystander.evaluate('window.kept'), 'here')
    const picture = await bystander.command('screenshot', { format: 'jpeg' })
    assert.equal(picture.status, 200, 'it can be shown')
    assert.equal((await bystander.show()).status, 'active')
  }

  /** The slowest answer that the bystander got until `signal`. */
  async #feelPulse(signal: AbortSignal): Promise<number> {
    let slowestMs = 0
    while (!signal.aborted) {
      const startedAt = performance.now()
      assert.equal(await this.#bystander.evaluate('window.kept'), 'here')
      slowestMs = Math.max(slowestMs, performance.now() - startedAt)
      await sleep(PULSE_EVERY_MS, undefined, { signal }).catch(() => {})
    }
    assert.ok(slowestMs < PATIENCE_MS, `the bystander waited ${slowestMs} ms`)
    return Math.round(slowestMs)
  }
}

const PAGE = '<!doctype html><title>A page</title><h1>A page</h1>'
