import type { Timed } from './command-parts.ts'

export interface PdfInput extends Timed {
  /** Default `letter`; `sizeMm` says it in millimetres instead. */
  paper?: 'letter' | 'legal' | 'tabloid' | 'ledger' | 'a0' | 'a1' | 'a2' | 'a3' | 'a4' | 'a5' | 'a6'
  sizeMm?: { width: number; height: number }
  landscape?: boolean
  /** Default 10 on every side. */
  marginsMm?: { top?: number; right?: number; bottom?: number; left?: number }
  /** 0.1 to 2, default 1. */
  scale?: number
  /** Whether colours and pictures behind the text are printed; default false. */
  background?: boolean
  /** `1-5, 8`; default all. */
  pageRanges?: string
  /** HTML with the classes `date`, `title`, `url`, `pageNumber` and `totalPages`. Both are empty unless given. */
  headerTemplate?: string
  footerTemplate?: string
  /** A size that the page's own `@page` rule names wins over the paper. */
  preferCssPageSize?: boolean
}

export interface PdfResult {
  bytes: Buffer
  contentType: 'application/pdf'
}

/** What to wait for: exactly one of the members but `state`. */
export interface WaitInput extends Timed {
  selector?: string
  /** Of the first match of `selector`; default `visible`. */
  state?: 'visible' | 'hidden' | 'attached' | 'detached'
  /** Visible text that contains this, whatever the case. */
  text?: string
  /** The exact URL, or a pattern in which `*` stands for anything but a slash and `**` for anything. */
  url?: string
  /** No request of the page under way for 500 ms. */
  networkIdle?: true
  /** JavaScript, as of `execute`, whose value becomes truthy. */
  function?: string
  timeMs?: number
}

/** The page once the wait was over. */
export interface WaitResult {
  url: string
  title: string
  waitedMs: number
}

/** A CSS selector whose first match's text is wanted, or more. */
export type ExtractField = string | ExtractRule

export interface ExtractRule {
  /** CSS; the element around it when absent. */
  selector?: string
  /** An attribute instead of the text; `href` and `src` are made absolute. */
  attribute?: string
  /** A list of all matches, at most 1,000, instead of the first. */
  all?: boolean
  /** An object of these, each looked for inside the match. */
  fields?: { [name: string]: ExtractField }
}

/** Either `schema`, or the whole page or the first match of `selector` (CSS) in a `format`. */
export interface ExtractInput extends Timed {
  schema?: { [name: string]: ExtractField }
  format?: 'markdown' | 'text' | 'html'
  selector?: string
}

export interface ExtractResult {
  url: string
  /** What `schema` asked for. */
  data?: { [name: string]: unknown }
  /** What `format` asked for. */
  content?: string
}

export interface UploadInput extends Timed {
  files: readonly { name: string; contentType?: string; base64: string }[]
  /** A file input that is given the files, as if a person had chosen them. */
  selector?: string
}

export interface UploadResult {
  /** `name` is the one that the page sees, `path` the one that CDP takes. */
  files: { name: string; bytes: number; path: string }[]
}

/** A page of its own, for HTML that has no address. */
export interface SetContentInput extends Timed {
  html: string
  /** Default `load`. */
  waitUntil?: 'load' | 'domcontentloaded' | 'networkidle'
}
