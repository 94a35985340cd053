import { z } from 'zod'
import type { Context } from '#kernel/context.ts'
import { Batch, BatchResult, DEFAULT_BATCH_TIMEOUT_MS } from '../batch-schema.ts'
import { runBatch } from '../batch.ts'
import {
  AnswerDialog,
  CookiesCommand,
  CookiesResult,
  DialogResult,
  TabsCommand,
  TabsResult,
} from '../browser-command-schema.ts'
import {
  Click,
  Execute,
  ExecuteResult,
  Navigate,
  NavigateResult,
  PageState,
  Screenshot,
  Scroll,
  ScrollResult,
  Type,
} from '../command-schema.ts'
import { runCommand, runPageCommand } from '../commands.ts'
import { waitTimeoutMs } from '../driver/wait.ts'
import type { CommandName } from '../node/session-node.ts'
import {
  Extract,
  ExtractResult,
  Journey,
  Pdf,
  Upload,
  UploadResult,
  Wait,
  WaitResult,
} from '../page-command-schema.ts'
import type { BrowserRuntime } from '../runtime.ts'

/** A command as the channel takes it: the same input, the same run and the same answer as over REST, but for bytes. */
export interface ChannelCommand {
  params: z.ZodType
  /** The longest that it may take. */
  timeoutMs(params: unknown): number
  run(ctx: Context, runtime: BrowserRuntime, id: string, params: unknown): Promise<unknown>
}

/** In which the command's own deadline speaks first. */
const MARGIN_MS = 3_000
/** The longest that a command may be given, here or by its user's preferences. */
const MOST_MS = 120_000

const timeoutOf =
  (usualMs: number) =>
  (params: unknown): number =>
    ((params as { timeoutMs?: number }).timeoutMs ?? usualMs) + MARGIN_MS

function plain(type: CommandName, params: z.ZodType, returns: z.ZodType): ChannelCommand {
  return {
    params,
    timeoutMs: timeoutOf(MOST_MS),
    run: async (ctx, runtime, id, input) =>
      returns.parse(await runCommand(ctx, runtime, id, type, input as never)),
  }
}

function ofPage(type: 'click' | 'type', params: z.ZodType): ChannelCommand {
  return {
    params,
    timeoutMs: timeoutOf(MOST_MS),
    run: (ctx, runtime, id, input) => runPageCommand(ctx, runtime, id, type, input as never),
  }
}

const screenshot: ChannelCommand = {
  params: Screenshot,
  timeoutMs: timeoutOf(MOST_MS),
  run: async (ctx, runtime, id, input) => {
    const shot = await runCommand(ctx, runtime, id, 'screenshot', input as never)
    const { contentType, ...rest } = shot
    return { ...rest, format: contentType.slice('image/'.length) }
  },
}

const pdf: ChannelCommand = {
  params: Pdf,
  timeoutMs: timeoutOf(MOST_MS),
  run: async (ctx, runtime, id, input) => {
    const { bytes } = await runCommand(ctx, runtime, id, 'pdf', input as never)
    return { sessionId: id, bytes }
  },
}

const wait: ChannelCommand = {
  ...plain('wait', Wait, WaitResult),
  timeoutMs: (params) => (waitTimeoutMs(params as z.output<typeof Wait>) ?? MOST_MS) + MARGIN_MS,
}

const batch: ChannelCommand = {
  params: Batch,
  timeoutMs: timeoutOf(DEFAULT_BATCH_TIMEOUT_MS),
  run: async (ctx, runtime, id, input) =>
    BatchResult.parse(await runBatch(ctx, runtime, id, input as z.output<typeof Batch>)),
}

/** By type. */
export const COMMANDS: ReadonlyMap<string, ChannelCommand> = new Map(
  Object.entries({
    navigate: plain('navigate', Navigate, NavigateResult),
    click: ofPage('click', Click),
    type: ofPage('type', Type),
    execute: plain('execute', Execute, ExecuteResult),
    scroll: plain('scroll', Scroll, ScrollResult),
    extract: plain('extract', Extract, ExtractResult),
    upload: plain('upload', Upload, UploadResult),
    tabs: plain('tabs', TabsCommand, TabsResult),
    cookies: plain('cookies', CookiesCommand, CookiesResult),
    back: plain('back', Journey, NavigateResult),
    forward: plain('forward', Journey, NavigateResult),
    reload: plain('reload', Journey, NavigateResult),
    dialog: plain('dialog', AnswerDialog, DialogResult),
    ...{ screenshot, pdf, wait, batch },
  }),
)

/** What the page shows now; it only looks. */
export const STATE = plain('state', z.strictObject({}), PageState)
