/** What a browser does on the way to a provider and back: it keeps cookies for each host, and follows where it is led. */
export class TestBrowser {
  readonly #jars = new Map<string, Map<string, string>>()
  /** Every address that it was led to, the last one last. */
  readonly trail: string[] = []

  setCookie(origin: string, name: string, value: string): void {
    this.#jarOf(origin).set(name, value)
  }

  forget(origin: string): void {
    this.#jars.delete(origin)
  }

  cookies(origin: string): string {
    return [...this.#jarOf(origin)].map((pair) => pair.join('=')).join('; ')
  }

  /** Opens the address and goes on until a page is there; where it ended. */
  async open(address: string, stopBefore?: (url: URL) => boolean): Promise<URL> {
    let url = new URL(address)
    for (let hops = 0; hops < 20; hops++) {
      this.trail.push(url.href)
      if (url.hash || stopBefore?.(url)) return url
      const answer = await this.#get(url)
      const location = answer.headers.get('location')
      if (location === null) return url
      url = new URL(location, url)
    }
    throw new Error(`led in circles: ${this.trail.join(' ')}`)
  }

  async #get(url: URL): Promise<Response> {
    const answer = await fetch(url, {
      redirect: 'manual',
      headers: { accept: 'text/html,*/*;q=0.8', cookie: this.cookies(url.origin) },
    })
    await answer.arrayBuffer()
    this.keep(url.origin, answer.headers)
    return answer
  }

  keep(origin: string, headers: Headers): void {
    for (const line of headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)!
      if (value) this.#jarOf(origin).set(name!, value)
      else this.#jarOf(origin).delete(name!)
    }
  }

  #jarOf(origin: string): Map<string, string> {
    const jar = this.#jars.get(origin) ?? new Map<string, string>()
    this.#jars.set(origin, jar)
    return jar
  }
}
