/** The first thing to read of a recording, written again at each flush: what it names is complete, whatever happened afterwards. */
export interface Manifest {
  format: 'gantry-recording'
  version: 1
  sessionId: string
  /** ISO 8601, UTC: what all offsets count from. */
  startedAt: string
  updatedAt: string
  options: { frames: boolean; network: boolean; credentials: boolean; fps: number; quality: number }
  parts: Part[]
  totals: Totals
  /** Offset of the newest thing recorded. */
  lastMs: number
  /** What happened meanwhile is not recorded: its process was dead, or its store away for longer than could be kept in memory. */
  gaps?: Gap[]
  /** False while it goes on, and until its machine is back when its process was killed. */
  complete: boolean
  endedBy?: EndedBy
}

/** `sink`: what came last could not be stored. `interrupted`: its process and its browser were killed, and what came last is lost. */
export type EndedBy = 'asked' | 'limit' | 'sink' | 'interrupted'

export interface Gap {
  fromMs: number
  toMs: number
}

export interface Part {
  /** `frames-000001.bin` or `timeline-000001.jsonl.gz` */
  name: string
  kind: 'frames' | 'timeline'
  bytes: number
  entries: number
  fromMs: number
  toMs: number
}

export interface Totals {
  frames: number
  events: number
  bytes: number
  /** Not recorded since the sink was too slow or away, or the event too large. */
  dropped: number
}

export const MANIFEST = 'manifest.json'

/** What happened, with its offset in milliseconds. */
export interface TimelineEvent {
  ms: number
  kind:
    | 'command'
    | 'console'
    | 'exchange'
    | 'input'
    | 'navigation'
    | 'dialog'
    | 'control'
    | 'download'
    | 'lifecycle'
    | 'egress'
    | 'state'
  data: Record<string, unknown>
}

export interface FrameHeader {
  ms: number
  pageId: string
  /** Of the page in CSS pixels; the image may be smaller. */
  width: number
  height: number
  /** Of the image that follows the header. */
  bytes: number
}
