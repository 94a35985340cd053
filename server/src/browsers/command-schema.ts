import { z } from 'zod'
import { SessionId } from './schema.ts'

const MAX_TIMEOUT_MS = 120_000
export const timeoutMs = z
  .int()
  .min(1)
  .max(MAX_TIMEOUT_MS)
  .optional()
  .meta({ description: 'Longest wait in milliseconds' })
export const selector = z
  .string()
  .min(1)
  .max(4096)
  .meta({
    description: 'CSS, or another Playwright selector such as text=Sign in',
    examples: ['#submit'],
  })
const coordinate = z.number().min(0).max(100_000)

export const waitUntil = z
  .enum(['load', 'domcontentloaded', 'networkidle', 'commit'])
  .optional()
  .meta({ description: 'load unless given' })

export const Navigate = z
  .strictObject({
    url: z
      .string()
      .min(1)
      .max(8192)
      .meta({ examples: ['https://example.com/'] }),
    waitUntil,
    dismissDialog: z.boolean().optional().meta({
      description: 'When a dialog holds the page, closes its tab and opens the URL in a fresh one',
    }),
    timeoutMs,
  })
  .meta({ id: 'Navigate' })

/** Either an element or a point. */
export const clickTarget = (click: { selector?: string; x?: number; y?: number }) =>
  click.selector === undefined
    ? click.x !== undefined && click.y !== undefined
    : click.x === undefined && click.y === undefined

export const Click = z
  .strictObject({
    selector: selector.optional(),
    x: coordinate.optional(),
    y: coordinate.optional(),
    button: z.enum(['left', 'right', 'middle']).optional(),
    clickCount: z.int().min(1).max(3).optional(),
    timeoutMs,
  })
  .refine(clickTarget, { error: 'give either selector, or x and y' })
  .meta({ id: 'Click' })

export const Type = z
  .strictObject({
    selector: selector.optional().meta({ description: 'The focused element unless given' }),
    text: z.string().max(100_000),
    clear: z.boolean().optional().meta({ description: 'Empties the field first' }),
    delayMs: z.int().min(0).max(1000).optional().meta({ description: 'Between key presses' }),
    timeoutMs,
  })
  .meta({ id: 'Type' })

export const screenshotMembers = {
  format: z.enum(['png', 'jpeg', 'webp']).optional().meta({ description: 'png unless given' }),
  quality: z.int().min(0).max(100).optional().meta({ description: 'Of jpeg and webp' }),
  fullPage: z
    .boolean()
    .optional()
    .meta({ description: 'The whole page, not only what is in view' }),
  selector: selector.optional(),
  timeoutMs,
}
export const screenshotFits = (shot: {
  format?: string
  quality?: number
  fullPage?: boolean
  selector?: string
}) =>
  !(shot.fullPage && shot.selector) &&
  !(shot.quality !== undefined && (shot.format ?? 'png') === 'png')
export const SCREENSHOT_ERROR = 'fullPage and selector exclude each other, and png takes no quality'

export const Screenshot = z
  .strictObject(screenshotMembers)
  .refine(screenshotFits, { error: SCREENSHOT_ERROR })
  .meta({ id: 'Screenshot' })

export const Execute = z
  .strictObject({
    script: z
      .string()
      .min(1)
      .max(500_000)
      .meta({
        description:
          'An expression, a function, or statements with `return`; `args` are its arguments',
        examples: ['document.title'],
      }),
    args: z.array(z.unknown()).max(100).optional(),
    timeoutMs,
  })
  .meta({ id: 'Execute' })

export const scrolls = (scroll: { x?: number; y?: number; selector?: string }) =>
  scroll.selector !== undefined || scroll.x !== undefined || scroll.y !== undefined

const scrollDistance = z.number().min(-10_000_000).max(10_000_000)
export const Scroll = z
  .strictObject({
    x: scrollDistance
      .optional()
      .meta({ description: 'Pixels to the right, negative for the left' }),
    y: scrollDistance.optional().meta({ description: 'Pixels down, negative for up' }),
    selector: selector
      .optional()
      .meta({ description: 'Brought into view; with x or y, its own content is moved' }),
    timeoutMs,
  })
  .refine(scrolls, { error: 'give x, y or selector' })
  .meta({ id: 'Scroll' })

/** The flat form of a command also takes the session that it is for. */
const flat = <Shape extends z.core.$ZodShape>(shape: Shape) =>
  z.strictObject({ ...shape, sessionId: SessionId.optional() })

export const FlatNavigate = flat(Navigate.shape).meta({ id: 'FlatNavigate' })
export const FlatClick = flat(Click.shape)
  .refine(clickTarget, { error: 'give either selector, or x and y' })
  .meta({ id: 'FlatClick' })
export const FlatType = flat(Type.shape).meta({ id: 'FlatType' })
export const FlatScreenshot = flat(Screenshot.shape)
  .refine(screenshotFits, { error: SCREENSHOT_ERROR })
  .meta({ id: 'FlatScreenshot' })
export const FlatExecute = flat(Execute.shape).meta({ id: 'FlatExecute' })
export const FlatScroll = flat(Scroll.shape)
  .refine(scrolls, { error: 'give x, y or selector' })
  .meta({ id: 'FlatScroll' })

const sessionId = SessionId

export const NavigateResult = z
  .object({ sessionId, url: z.string(), title: z.string(), status: z.int().nullable() })
  .meta({ id: 'NavigateResult' })

export const PageResult = z
  .object({ sessionId, url: z.string(), title: z.string() })
  .meta({ id: 'PageResult', description: 'The page after the command' })

export const ScreenshotResult = z
  .object({
    sessionId,
    format: z.enum(['png', 'jpeg', 'webp']),
    width: z.int(),
    height: z.int(),
    cut: z.boolean().meta({ description: 'The page was taller than an image may be' }),
    base64: z.base64(),
  })
  .meta({ id: 'ScreenshotResult' })

export const ExecuteResult = z
  .object({ sessionId, result: z.unknown() })
  .meta({ id: 'ExecuteResult' })

export const ScrollResult = z
  .object({ sessionId, x: z.number(), y: z.number() })
  .meta({ id: 'ScrollResult', description: 'The position after the command' })

export const PageState = z
  .object({
    sessionId,
    url: z.string(),
    title: z.string(),
    loading: z.boolean(),
    viewport: z.object({ width: z.number(), height: z.number() }),
    scroll: z.object({ x: z.number(), y: z.number() }),
    tabs: z.array(
      z.object({ id: z.string(), url: z.string(), title: z.string(), active: z.boolean() }),
    ),
    dialog: z
      .object({ type: z.enum(['alert', 'confirm', 'prompt', 'beforeunload']), message: z.string() })
      .optional()
      .meta({ description: 'The dialog that holds the page' }),
  })
  .meta({ id: 'PageState' })
