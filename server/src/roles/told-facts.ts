import type { SessionFacts } from '#browsers/index.ts'

const AT_ONCE = 100
/** Activity may be told late: at most 10 s behind. */
const ACTIVITY_MS = 10_000
const MAX_URL = 8_192
const MAX_TITLE = 1_024

/** What a node has told of its sessions' pages, so that it tells what is new and nothing else. */
export class ToldFacts {
  #told = new Map<string, SessionFacts>()

  /** Sends what has changed, at most 100 sessions at once; what fails is told the next time. */
  async tell(
    sessions: readonly SessionFacts[],
    send: (changed: SessionFacts[]) => Promise<void>,
  ): Promise<void> {
    const all = sessions.map(bounded)
    const there = new Set(all.map(({ id }) => id))
    for (const id of this.#told.keys()) if (!there.has(id)) this.#told.delete(id)
    const changed = all.filter((facts) => isNews(facts, this.#told.get(facts.id)))
    for (let at = 0; at < changed.length; at += AT_ONCE) {
      const batch = changed.slice(at, at + AT_ONCE)
      await send(batch)
      for (const facts of batch) this.#told.set(facts.id, facts)
    }
  }
}

function bounded({ url, title, ...facts }: SessionFacts): SessionFacts {
  return {
    ...facts,
    ...(url !== undefined && { url: url.slice(0, MAX_URL) }),
    ...(title !== undefined && { title: title.slice(0, MAX_TITLE) }),
  }
}

/** Before the first activity there is nothing to tell. */
function isNews(facts: SessionFacts, told: SessionFacts | undefined): boolean {
  if (facts.lastActivityMs === 0) return false
  if (!told || facts.url !== told.url || facts.title !== told.title) return true
  return facts.lastActivityMs > told.lastActivityMs + ACTIVITY_MS
}
