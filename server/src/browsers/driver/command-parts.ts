export interface Timed {
  /** Milliseconds that the command may take, at most 120,000; each command has its default. */
  timeoutMs?: number
}

/** `networkidle`: no request for 500 ms. */
export type WaitUntil = 'load' | 'domcontentloaded' | 'networkidle' | 'commit'

export interface NavigateResult {
  url: string
  title: string
  /** HTTP status of the document; null where there was no response, as for `about:blank` or a change of the fragment. */
  status: number | null
}

export interface TabState {
  id: string
  url: string
  title: string
  /** The one that commands act on: the most recently opened or activated. */
  active: boolean
}

export interface OpenDialog {
  type: 'alert' | 'confirm' | 'prompt' | 'beforeunload'
  message: string
}
