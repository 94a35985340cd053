import type {
  CookiesInput,
  CookiesResult,
  DialogInput,
  DialogResult,
  HistoryInput,
  TabsInput,
  TabsResult,
} from './browser-commands.ts'
import type { NavigateResult, OpenDialog, TabState, Timed, WaitUntil } from './command-parts.ts'
import type {
  ExtractInput,
  ExtractResult,
  PdfInput,
  PdfResult,
  SetContentInput,
  UploadInput,
  UploadResult,
  WaitInput,
  WaitResult,
} from './page-commands.ts'

export type { NavigateResult, OpenDialog, Timed } from './command-parts.ts'

export interface NavigateInput extends Timed {
  /** Absolute http or https URL, or `about:blank`. */
  url: string
  /** Default `load`. */
  waitUntil?: WaitUntil
  /** Leaves a page that a dialog holds, whatever it asks: its tab is closed, and the URL opened in a fresh one. */
  dismissDialog?: boolean
}

/** Acts on the first match of `selector`, or at the point `x`, `y` of the viewport in CSS pixels. */
export interface ClickInput extends Timed {
  selector?: string
  x?: number
  y?: number
  button?: 'left' | 'right' | 'middle'
  clickCount?: number
}

/** Types at the end of the first match of `selector`, or wherever the focus is. */
export interface TypeInput extends Timed {
  selector?: string
  text: string
  /** Empties the field first. */
  clear?: boolean
  /** Pause after each character. */
  delayMs?: number
}

export interface TypeResult {
  /** Whether the field hides what is typed: then the text is for no record. */
  secret: boolean
}

export interface ScreenshotInput extends Timed {
  /** Default `png`. */
  format?: 'png' | 'jpeg' | 'webp'
  /** 0 to 100, for jpeg and webp. */
  quality?: number
  /** The whole page, down to 16,384 pixels (16,383 for webp, whose format ends there). */
  fullPage?: boolean
  /** Only the first match, which is scrolled into view. */
  selector?: string
}

export interface ScreenshotResult {
  bytes: Buffer
  contentType: 'image/png' | 'image/jpeg' | 'image/webp'
  /** Pixels of the image itself. */
  width: number
  height: number
  /** True when the page or element was larger than an image may be, so that its end is missing. */
  cut: boolean
}

export interface ExecuteInput extends Timed {
  /** An expression, a function that is called with `args`, or statements with `return`; `await` is allowed in each. */
  script: string
  /** JSON values; the script also sees them as `args` and `arguments`. */
  args?: readonly unknown[]
}

export interface ExecuteResult {
  /** JSON. `undefined` and NaN are null, a bigint is a decimal string, `toJSON` is honoured. */
  result: unknown
}

/**
 * `x`, `y`: pixels to the right and down; they move the page, or with `selector` the content of its first match. `selector` alone
 * brings the first match into view.
 */
export interface ScrollInput extends Timed {
  x?: number
  y?: number
  selector?: string
}

/** The position of the page now, or of the element whose content was moved. */
export interface ScrollResult {
  x: number
  y: number
}

export interface PageState {
  url: string
  title: string
  loading: boolean
  viewport: { width: number; height: number }
  scroll: { x: number; y: number }
  tabs: TabState[]
  /** The dialog that holds the current page. */
  dialog?: OpenDialog
}

/** Where the session is, for its record. */
export interface PageFacts {
  url: string
  title: string
}

/**
 * Acts inside the pages of one browser. Commands run one after another, in the order of their calls, except `state` and `dialog`. Every command
 * throws the problem `browser.crashed` when the browser is gone, `browser.dialog_open` when a dialog holds the page and
 * `browser.page_crashed` when its process died; an aborted `signal` ends it with the signal's reason.
 */
export interface Driver extends AsyncDisposable {
  navigate(input: NavigateInput, signal?: AbortSignal): Promise<NavigateResult>
  click(input: ClickInput, signal?: AbortSignal): Promise<void>
  type(input: TypeInput, signal?: AbortSignal): Promise<TypeResult>
  screenshot(input: ScreenshotInput, signal?: AbortSignal): Promise<ScreenshotResult>
  execute(input: ExecuteInput, signal?: AbortSignal): Promise<ExecuteResult>
  scroll(input: ScrollInput, signal?: AbortSignal): Promise<ScrollResult>
  pdf(input: PdfInput, signal?: AbortSignal): Promise<PdfResult>
  wait(input: WaitInput, signal?: AbortSignal): Promise<WaitResult>
  extract(input: ExtractInput, signal?: AbortSignal): Promise<ExtractResult>
  upload(input: UploadInput, signal?: AbortSignal): Promise<UploadResult>
  setContent(input: SetContentInput, signal?: AbortSignal): Promise<NavigateResult>
  /** Works also while the page answers nothing. */
  tabs(input: TabsInput, signal?: AbortSignal): Promise<TabsResult>
  /** Works also while the page answers nothing. */
  cookies(input: CookiesInput, signal?: AbortSignal): Promise<CookiesResult>
  back(input: HistoryInput, signal?: AbortSignal): Promise<NavigateResult>
  forward(input: HistoryInput, signal?: AbortSignal): Promise<NavigateResult>
  reload(input: HistoryInput, signal?: AbortSignal): Promise<NavigateResult>
  /** Waits for no other command: it frees the page for them. */
  dialog(input: DialogInput, signal?: AbortSignal): Promise<DialogResult>
  /** Waits for no other command, and answers also while the page cannot. */
  state(input?: Timed, signal?: AbortSignal): Promise<PageState>
  /** The current page as the browser knows it, whatever the page is doing; undefined without a browser or page. */
  currentPage(signal?: AbortSignal): Promise<PageFacts | undefined>
}
