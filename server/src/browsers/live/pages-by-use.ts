import type { Logger } from '#kernel/log.ts'

const DEADLINE_MS = 1_000

export interface UsedPage {
  id: string
  type: string
  url: string
  title: string
}

/** The browser's pages, the one used last first; none when that cannot be known now. The protocol's own list has no such order. */
export async function pagesByUse(
  endpoint: string,
  gone: AbortSignal,
  log: Logger,
): Promise<UsedPage[]> {
  try {
    const response = await fetch(`http://${new URL(endpoint).host}/json/list`, {
      signal: AbortSignal.any([gone, AbortSignal.timeout(DEADLINE_MS)]),
    })
    const targets = (await response.json()) as UsedPage[]
    return targets.filter(({ type }) => type === 'page')
  } catch (error) {
    if (!gone.aborted) log.debug({ err: error }, 'the order of the pages is not known')
    return []
  }
}
