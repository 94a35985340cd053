import { setTimeout as sleep } from 'node:timers/promises'
import { CdpError } from './cdp.ts'
import type { ScreenshotInput, ScreenshotResult } from './commands.ts'
import type { Scene } from './scene.ts'
import { notActionable } from './failures.ts'
import { imageSize } from './image-size.ts'
import { onFirstMatch } from './selector.ts'

const MAX_SIDE = { png: 16_384, jpeg: 16_384, webp: 16_383 }
/** Chromium holds a picture uncompressed at 4 bytes a pixel. */
const MAX_PIXELS = 100_000_000

/** In CSS pixels from the page's top left. */
interface Area {
  x: number
  y: number
  width: number
  height: number
}

/** @throws the problems of a selector, when there is one */
export async function screenshot(scene: Scene, input: ScreenshotInput): Promise<ScreenshotResult> {
  const { format = 'png', quality } = input
  const wanted = await wantedArea(scene, input)
  const clip = wanted && limit(wanted, MAX_SIDE[format])
  const data = await capture(scene, {
    format,
    ...(quality !== undefined && { quality }),
    ...(clip && { clip: { ...clip, scale: 1 }, captureBeyondViewport: true }),
  })
  const bytes = Buffer.from(data, 'base64')
  const cut = Boolean(wanted && clip && clip.width * clip.height < wanted.width * wanted.height)
  return { bytes, contentType: `image/${format}`, ...imageSize(bytes), cut }
}

const PAINT_AGAIN_MS = 100

/** What Chromium answers of a page that has nothing to show, as between two documents (`PageHandler::CaptureScreenshot`). */
const UNPAINTED = /: (?:Unable to capture|Internal error|Not attached to an active page)/

/** In base64. While there is nothing to show it is asked again, until the command's time is over. */
async function capture({ link, tab, run }: Scene, params: object): Promise<string> {
  run.awaits('the page to be painted')
  const options = { sessionId: tab.sessionId, signal: run.signal }
  for (;;) {
    try {
      return (await link.cdp.send<{ data: string }>('Page.captureScreenshot', params, options)).data
    } catch (error) {
      const isUnpainted = error instanceof CdpError && UNPAINTED.test(error.message)
      if (!isUnpainted) throw error
      await run.race(sleep(PAINT_AGAIN_MS))
    }
  }
}

/** What to show; undefined for the viewport as it is. */
async function wantedArea(scene: Scene, input: ScreenshotInput): Promise<Area | undefined> {
  if (input.selector !== undefined) return elementArea(scene, input, input.selector)
  if (!input.fullPage) return undefined
  const { link, tab, run } = scene
  run.awaits('the size of the page')
  const { cssContentSize } = await link.cdp.send<{ cssContentSize: Area }>(
    'Page.getLayoutMetrics',
    {},
    { sessionId: tab.sessionId, signal: run.signal },
  )
  return cssContentSize
}

async function elementArea(scene: Scene, input: ScreenshotInput, selector: string): Promise<Area> {
  const area = await onFirstMatch(scene, input, selector, async (element, limits) => {
    await element.scrollIntoViewIfNeeded(limits)
    return element.evaluate(areaOf, undefined, limits)
  })
  if (area.width >= 1 && area.height >= 1) return area
  throw notActionable(selector, 'it has no size')
}

/** Runs in the page. */
function areaOf(element: Element): Area {
  const { x, y, width, height } = element.getBoundingClientRect()
  return { x: x + scrollX, y: y + scrollY, width, height }
}

function limit({ x, y, width, height }: Area, side: number): Area {
  const shownWidth = Math.min(width, side)
  const mostRows = Math.floor(MAX_PIXELS / shownWidth)
  return { x, y, width: shownWidth, height: Math.min(height, side, mostRows) }
}
