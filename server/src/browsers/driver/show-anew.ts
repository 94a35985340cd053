import type { CdpSocket } from './cdp.ts'

interface PageWindow {
  windowId: number
  bounds: { windowState?: string }
}

/**
 * Hides the window of a page and shows it again, some milliseconds later: then the page is the one that was used last. Activating it
 * changes nothing where its window shows it already, as the window of a popup does, and that of every page of a headless shell.
 */
export async function showAnew(
  cdp: CdpSocket,
  targetId: string,
  signal: AbortSignal,
): Promise<void> {
  const { windowId, bounds } = await cdp.send<PageWindow>(
    'Browser.getWindowForTarget',
    { targetId },
    { signal },
  )
  const steps = stepsFrom(bounds.windowState).map((windowState) =>
    cdp.send('Browser.setWindowBounds', { windowId, bounds: { windowState } }, { signal }),
  )
  // All are on their way before anything can end the wait, so that no window stays hidden.
  await Promise.all(steps)
}

/** By way of the normal state: Chromium leads to and from the others in no other way. */
function stepsFrom(state = 'normal'): string[] {
  if (state === 'fullscreen') return ['normal', 'minimized', 'normal', state]
  return ['minimized', 'normal', ...(state === 'maximized' ? [state] : [])]
}
