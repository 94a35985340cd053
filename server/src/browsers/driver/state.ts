import type { TabState } from './command-parts.ts'
import type { PageState } from './commands.ts'
import type { Scene } from './scene.ts'
import type { Link } from './link.ts'
import type { Run } from './run.ts'
import type { Tab, TargetInfo, View } from './tab.ts'

/** A page that is slower than this is told of from what the browser knows. */
const PAGE_ANSWERS_WITHIN_MS = 2_000

interface PageView extends View {
  url: string
  title: string
  loading: boolean
}

const READ_VIEW = `({
  url: location.href,
  title: document.title,
  loading: document.readyState !== 'complete',
  viewport: { width: innerWidth, height: innerHeight },
  scroll: { x: scrollX, y: scrollY },
})`

/**
 * What the current page shows. A page that does not answer is described by the browser: URL and title are true then too, viewport and
 * position are the last ones known (before there are any, the window's size and the top).
 */
export async function readState(link: Link, run: Run): Promise<PageState> {
  run.awaits('the state of the page')
  const tab = await link.tabs.current(run.signal)
  const [view, known] = await Promise.all([
    tab && readView(link, tab, run),
    link.tabs.describe(run.signal),
  ])
  const fallback = view ?? (await lastView(link, tab, run))
  const tabs = tabStates(link, tab, known)
  const facts = tabs.find(({ active }) => active)
  return {
    url: view?.url ?? facts?.url ?? '',
    title: view?.title ?? facts?.title ?? '',
    loading: Boolean(tab?.loading || view?.loading),
    viewport: fallback.viewport,
    scroll: fallback.scroll,
    tabs,
    ...(tab?.dialog && { dialog: tab.dialog }),
  }
}

/** Every tab as the browser knows it, whatever its page is doing. */
export async function describeTabs(link: Link, run: Run): Promise<TabState[]> {
  const [tab, known] = await Promise.all([
    link.tabs.current(run.signal),
    link.tabs.describe(run.signal),
  ])
  return tabStates(link, tab, known)
}

function tabStates(
  link: Link,
  current: Tab | undefined,
  known: ReadonlyMap<string, TargetInfo>,
): TabState[] {
  return link.tabs.all.map((tab) => {
    const { url, title } = known.get(tab.id) ?? { url: tab.url, title: '' }
    return { id: tab.id, url, title, active: tab === current }
  })
}

/** The title of the page's document, or what the browser shows for it when the page is too busy to say. */
export async function readTitle({ link, tab, run }: Scene): Promise<string> {
  const view = await readView(link, tab, run)
  if (view) return view.title
  const known = await link.tabs.describe(run.signal)
  return known.get(tab.id)?.title ?? ''
}

async function readView(link: Link, tab: Tab, run: Run): Promise<PageView | undefined> {
  if (tab.trouble) return undefined
  const patience = AbortSignal.any([run.signal, AbortSignal.timeout(PAGE_ANSWERS_WITHIN_MS)])
  const trouble = new AbortController()
  using _watch = tab.onTrouble((reason) => trouble.abort(reason))
  const signal = AbortSignal.any([patience, trouble.signal])
  try {
    const view = await link.evaluate<PageView>(tab, READ_VIEW, signal)
    tab.view = { viewport: view.viewport, scroll: view.scroll }
    return view
  } catch {
    run.signal.throwIfAborted()
    return undefined
  }
}

async function lastView(link: Link, tab: Tab | undefined, run: Run): Promise<View> {
  if (tab?.view) return tab.view
  const { width = 0, height = 0 } = tab ? await windowSize(link, tab, run) : {}
  return { viewport: { width, height }, scroll: { x: 0, y: 0 } }
}

async function windowSize(link: Link, { id: targetId }: Tab, { signal }: Run) {
  try {
    const { bounds } = await link.cdp.send<{ bounds: { width?: number; height?: number } }>(
      'Browser.getWindowForTarget',
      { targetId },
      { signal },
    )
    return bounds
  } catch {
    // The page was closed meanwhile.
    signal.throwIfAborted()
    return {}
  }
}
