import { problems } from '../problems.ts'
import type { TabsInput, TabsResult } from './browser-commands.ts'
import { endLoop } from './end-loop.ts'
import type { Link } from './link.ts'
import { navigate } from './navigate.ts'
import type { Run } from './run.ts'
import { describeTabs } from './state.ts'
import type { Tab } from './tab.ts'

const MAX_TABS = 50
const CLOSE_AGAIN_WITHIN_MS = 2_000

/**
 * Opens, closes, activates or lists tabs. None of it needs an answer of a page, so a page that loops or is held by a dialog can be
 * left this way.
 *
 * @param url the checked address to open
 * @throws problem `browser.tab_not_found`, `browser.too_many_tabs`, or those of `navigate`
 */
export async function tabs(
  link: Link,
  run: Run,
  input: TabsInput,
  url: string | undefined,
): Promise<TabsResult> {
  const tabId = await act(link, run, input, url)
  run.awaits('the list of tabs')
  return { ...(tabId && { tabId }), tabs: await describeTabs(link, run) }
}

async function act(link: Link, run: Run, input: TabsInput, url: string | undefined) {
  switch (input.action) {
    case 'list':
      return undefined
    case 'open':
      return openTab(link, run, url ?? 'about:blank', input.waitUntil)
    case 'close':
      await closeTab(link, run, find(link, input.tabId))
      return input.tabId
    case 'activate':
      run.awaits('the tab to come to the front')
      await link.tabs.activate(find(link, input.tabId), run.signal)
      return input.tabId
  }
}

function find({ tabs }: Link, tabId: string): Tab {
  const tab = tabs.all.find(({ id }) => id === tabId)
  if (!tab) throw problems.tabNotFound({ tabId })
  return tab
}

type WaitUntil = Extract<TabsInput, { action: 'open' }>['waitUntil']

async function openTab(link: Link, run: Run, url: string, waitUntil: WaitUntil): Promise<string> {
  if (link.tabs.all.length >= MAX_TABS) throw problems.tooManyTabs({ limit: MAX_TABS })
  run.awaits('a tab to open')
  const tab = await link.tabs.open(run.signal)
  if (url === 'about:blank') return tab.id
  run.watch(tab)
  try {
    await navigate({ run, link, tab }, { url, waitUntil })
    return tab.id
  } catch (error) {
    // One that a dialog holds is open all the same, and the client is told how to go on with it.
    if (!tab.dialog) await closeAgain(link, tab)
    throw error
  }
}

async function closeAgain(link: Link, tab: Tab): Promise<void> {
  const signal = AbortSignal.timeout(CLOSE_AGAIN_WITHIN_MS)
  await link.tabs.close(tab, signal).catch(() => undefined)
}

async function closeTab(link: Link, run: Run, tab: Tab): Promise<void> {
  run.awaits('the tab to close')
  // A page that loops takes seconds to be closed.
  await endLoop(link, tab, run.signal)
  await link.tabs.close(tab, run.signal)
  await run.race(tab.whenGone)
}
