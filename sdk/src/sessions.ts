import type { Calls } from './calls.ts'
import type { components } from './openapi.d.ts'

type Schemas = components['schemas']
/** A command's body without the members that are arguments of their own. */
type Rest<Name extends keyof Schemas, Members extends keyof Schemas[Name]> = Omit<
  Schemas[Name],
  Members
>

/** The browser sessions of the signed-in account. */
export class Sessions {
  readonly #calls: Calls

  constructor(calls: Calls) {
    this.#calls = calls
  }

  /** Starts a browser; resolves when it is ready. `await using` ends it at the end of the block. */
  async create(options: Schemas['CreateSession'] = {}): Promise<Session> {
    const { data } = await this.#calls.POST('/api/v1/sessions', { body: options })
    return new Session(this.#calls, data)
  }

  /** A session that was started before. */
  async get(id: string): Promise<Session> {
    const { data } = await this.#calls.GET('/api/v1/sessions/{id}', { params: { path: { id } } })
    return new Session(this.#calls, data)
  }
}

/** One rented browser. Its commands run one after another, in the order in which they were sent. */
export class Session implements AsyncDisposable {
  /** As it was when this object was made. */
  readonly created: Schemas['BrowserSession']
  readonly #calls: Calls

  constructor(calls: Calls, created: Schemas['BrowserSession']) {
    this.#calls = calls
    this.created = created
  }

  get id(): string {
    return this.created.id
  }

  async navigate(url: string, options: Rest<'Navigate', 'url'> = {}) {
    const body = { ...options, url }
    return (await this.#calls.POST('/api/v1/sessions/{id}/navigate', { ...this.#at, body })).data
  }

  /** Clicks an element by its selector, or a point of the page in CSS pixels. */
  async click(
    target: string | { x: number; y: number },
    options: Rest<'Click', 'selector' | 'x' | 'y'> = {},
  ) {
    const body = { ...options, ...(typeof target === 'string' ? { selector: target } : target) }
    return (await this.#calls.POST('/api/v1/sessions/{id}/click', { ...this.#at, body })).data
  }

  async type(selector: string, text: string, options: Rest<'Type', 'selector' | 'text'> = {}) {
    const body = { ...options, selector, text }
    return (await this.#calls.POST('/api/v1/sessions/{id}/type', { ...this.#at, body })).data
  }

  /** Moves the page by pixels, or brings the element of `selector` into view; with pixels, moves that element's own content. */
  async scroll(by: Schemas['Scroll']) {
    return (await this.#calls.POST('/api/v1/sessions/{id}/scroll', { ...this.#at, body: by })).data
  }

  /** The image's bytes: PNG of what is in view, unless the options ask for something else. */
  async screenshot(options: Schemas['Screenshot'] = {}): Promise<Uint8Array<ArrayBuffer>> {
    const { data } = await this.#calls.POST('/api/v1/sessions/{id}/screenshot', {
      ...this.#at,
      body: options,
      headers: { accept: 'image/*' },
      parseAs: 'arrayBuffer',
    })
    return new Uint8Array(data)
  }

  /**
   * Runs JavaScript in the page: an expression, a function that gets the `args`, or statements with `return`. Promises are awaited; the
   * value comes back as JSON.
   */
  async execute<Result = unknown>(
    script: string,
    args: NonNullable<Schemas['Execute']['args']> = [],
    options: Rest<'Execute', 'script' | 'args'> = {},
  ): Promise<Result> {
    const body = { ...options, script, args }
    const { data } = await this.#calls.POST('/api/v1/sessions/{id}/execute', { ...this.#at, body })
    return data.result as Result
  }

  /** What the page shows now. */
  async state() {
    return (await this.#calls.GET('/api/v1/sessions/{id}/state', this.#at)).data
  }

  /** Ends the session; its `wipe` counts what is left of it on the machine. A second call answers the same. */
  async end() {
    return (await this.#calls.DELETE('/api/v1/sessions/{id}', this.#at)).data
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end()
  }

  get #at() {
    return { params: { path: { id: this.id } } }
  }
}
