import { z } from 'zod'
import type { ControlChange, ControlState, Holder } from '../control/lease.ts'

export const PROTOCOL_VERSION = 1
/** Longest message of a viewer; the socket is closed with 1009 beyond it. */
export const MAX_MESSAGE_BYTES = 512 * 1024
const MAX_PASTE = 65_536

const coordinate = z.number().min(-1_000).max(100_000)
/** The sum of 1 Alt, 2 Control, 4 Meta, 8 Shift. */
const modifiers = z.int().min(0).max(15).default(0)
const delta = z.number().min(-10_000).max(10_000)
const text = z.string().max(1_000)

const Mouse = z.strictObject({
  type: z.literal('mouse'),
  action: z.enum(['move', 'down', 'up']),
  /** In CSS pixels of the page's viewport: pixels of the picture divided by the frame's scale. */
  x: coordinate,
  y: coordinate,
  button: z.enum(['left', 'middle', 'right', 'back', 'forward']).default('left'),
  /** 2 for the second press of a double click: `event.detail`. */
  clicks: z.int().min(0).max(3).default(1),
  modifiers,
})

const Wheel = z.strictObject({
  type: z.literal('wheel'),
  x: coordinate,
  y: coordinate,
  /** In CSS pixels. */
  dx: delta.default(0),
  dy: delta.default(0),
  modifiers,
})

/** The members of a browser's KeyboardEvent, whatever the layout. Keys of a composition are not sent. */
const Key = z.strictObject({
  type: z.literal('key'),
  action: z.enum(['down', 'up']),
  key: z.string().min(1).max(32),
  code: z.string().max(32).default(''),
  location: z.int().min(0).max(3).default(0),
  /** `event.getModifierState('AltGraph')`: the key writes what it shows although Control and Alt are down. */
  altGraph: z.boolean().default(false),
  repeat: z.boolean().default(false),
  modifiers,
})

/** The text of a composition that is under way, instead of what it was; an empty one cancels it. */
const Compose = z.strictObject({
  type: z.literal('compose'),
  text,
  selectionStart: z.int().min(0).max(1_000).optional(),
  selectionEnd: z.int().min(0).max(1_000).optional(),
})

/** The end of a composition with the text that it gave, or text that no single key wrote. */
const Commit = z.strictObject({ type: z.literal('commit'), text })

const Paste = z.strictObject({ type: z.literal('paste'), text: z.string().max(MAX_PASTE) })

const Touch = z.strictObject({
  type: z.literal('touch'),
  action: z.enum(['start', 'move', 'end', 'cancel']),
  /** All fingers that are on the glass after this. */
  points: z
    .array(z.strictObject({ id: z.int().min(0).max(1_000_000), x: coordinate, y: coordinate }))
    .max(10),
  modifiers,
})

const InputMessage = z.discriminatedUnion('type', [
  Mouse,
  Wheel,
  Key,
  Compose,
  Commit,
  Paste,
  Touch,
])
export type InputMessage = z.output<typeof InputMessage>
export type MouseMessage = z.output<typeof Mouse>
export type KeyMessage = z.output<typeof Key>
export type TouchMessage = z.output<typeof Touch>

/** What a viewer may send, each a JSON text. */
export const ClientMessage = z.discriminatedUnion('type', [
  /** The frame with this sequence, and all before it, are shown. */
  z.strictObject({ type: z.literal('ack'), sequence: z.int().min(0) }),
  /** Less than what the page gives; absent members go back to that. */
  z.strictObject({
    type: z.literal('quality'),
    maxFps: z.number().min(0.1).max(60).optional(),
    jpegQuality: z.int().min(10).max(90).optional(),
  }),
  z.strictObject({ type: z.literal('pause'), paused: z.boolean() }),
  /** Watches this page; null follows the page in front. */
  z.strictObject({ type: z.literal('select'), page: z.int().min(1).nullable() }),
  z.strictObject({
    type: z.literal('control'),
    action: z.enum(['request', 'return', 'renew']),
    seconds: z.number().min(1).max(86_400).default(300),
    reason: z.string().max(200).optional(),
    force: z.boolean().default(false),
  }),
  z.strictObject({
    type: z.literal('dialog'),
    accept: z.boolean(),
    /** What a prompt is answered with. */
    text: z.string().max(4_000).optional(),
  }),
  ...InputMessage.options,
])
export type ClientMessage = z.output<typeof ClientMessage>
export type ControlMessage = Extract<ClientMessage, { type: 'control' }>

export interface Dialog {
  type: string
  message: string
  /** What a prompt is filled with. */
  text?: string
}

export interface LivePage {
  /** Names the page in every message of this session; never used for another. */
  page: number
  url: string
  title: string
  active: boolean
  crashed: boolean
  dialog?: Dialog
}

export type NoticeCode =
  | 'control.needed'
  | 'control.held'
  | 'control.not_allowed'
  | 'control.queue_full'
  | 'dialog.none'
  | 'dialog.open'
  | 'message.invalid'
  | 'page.behind'
  | 'page.busy'
  | 'page.crashed'
  | 'page.held'
  | 'page.none'
  | 'pages.too_many'

/** What a viewer is sent besides the frames, each a JSON text. */
export type ServerMessage =
  | {
      type: 'hello'
      version: number
      you: { holder: Holder; mayControl: boolean; mayForce: boolean }
      control: ControlState
      pages: readonly LivePage[]
      watching: number | null
      limits: { framesInFlight: number; messageBytes: number; pasteCharacters: number }
    }
  /** Whenever a page was opened, closed, activated, named or moved to another address. */
  | { type: 'pages'; pages: readonly LivePage[]; watching: number | null }
  | { type: 'control'; change?: ControlChange; state: ControlState }
  | { type: 'dialog'; page: number; dialog: Dialog | null }
  | { type: 'notice'; code: NoticeCode; message: string }

export function limitsFor(framesInFlight: number) {
  return { framesInFlight, messageBytes: MAX_MESSAGE_BYTES, pasteCharacters: MAX_PASTE }
}

/** Why a socket was closed, besides WebSocket's own codes. */
export const closeCodes = {
  browserGone: [4001, 'the browser is gone'],
  ended: [4002, 'the session has ended'],
  noProgress: [4008, 'no frame was acknowledged for too long'],
  silent: [4009, 'nothing was heard for too long'],
  tooManyMessages: [1008, 'too many messages'],
} as const
export type CloseReason = keyof typeof closeCodes
