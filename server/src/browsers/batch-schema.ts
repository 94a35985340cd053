import { z } from 'zod'
import { cookiesForms, dialogMembers, tabsForms } from './browser-command-schema.ts'
import {
  Click,
  clickTarget,
  Execute,
  Navigate,
  SCREENSHOT_ERROR,
  screenshotFits,
  screenshotMembers,
  Scroll,
  scrolls,
  Type,
} from './command-schema.ts'
import {
  EXTRACT_ERROR,
  extractMembers,
  extractsOne,
  historyMembers,
  PDF_ERROR,
  pdfFits,
  pdfMembers,
  timeoutOf,
  uploadMembers,
  WAIT_ERROR,
  waitMembers,
  waitsForOne,
} from './page-command-schema.ts'
import { SessionId } from './schema.ts'

const MAX_COMMANDS = 50
export const DEFAULT_BATCH_TIMEOUT_MS = 60_000
const MAX_BATCH_TIMEOUT_MS = 300_000

const named = <Name extends string>(name: Name) => ({ type: z.literal(name) })

/** Each command as it is sent by itself, with its name. */
export const BatchCommand = z.discriminatedUnion('type', [
  z.strictObject({ ...named('navigate'), ...Navigate.shape }),
  z
    .strictObject({ ...named('click'), ...Click.shape })
    .refine(clickTarget, { error: 'give either selector, or x and y' }),
  z.strictObject({ ...named('type'), ...Type.shape }),
  z
    .strictObject({ ...named('screenshot'), ...screenshotMembers })
    .refine(screenshotFits, { error: SCREENSHOT_ERROR }),
  z.strictObject({ ...named('execute'), ...Execute.shape }),
  z
    .strictObject({ ...named('scroll'), ...Scroll.shape })
    .refine(scrolls, { error: 'give x, y or selector' }),
  z.strictObject({ ...named('pdf'), ...pdfMembers }).refine(pdfFits, { error: PDF_ERROR }),
  z
    .strictObject({ ...named('wait'), ...waitMembers, ...timeoutOf })
    .refine(waitsForOne, { error: WAIT_ERROR }),
  z
    .strictObject({ ...named('extract'), ...extractMembers })
    .refine(extractsOne, { error: EXTRACT_ERROR }),
  z.strictObject({ ...named('upload'), ...uploadMembers }),
  z.discriminatedUnion('action', tabsForms(named('tabs'))),
  z.discriminatedUnion('action', cookiesForms(named('cookies'))),
  z.strictObject({ ...named('back'), ...historyMembers }),
  z.strictObject({ ...named('forward'), ...historyMembers }),
  z.strictObject({ ...named('reload'), ...historyMembers }),
  z.strictObject({ ...named('dialog'), ...dialogMembers }),
])
export type BatchCommand = z.output<typeof BatchCommand>

export const Batch = z
  .strictObject({
    commands: z.array(BatchCommand).min(1).max(MAX_COMMANDS),
    stopOnError: z
      .boolean()
      .optional()
      .meta({ description: 'true unless given: what comes after a failed command is skipped' }),
    timeoutMs: z
      .int()
      .min(1)
      .max(MAX_BATCH_TIMEOUT_MS)
      .optional()
      .meta({ description: 'Longest time of all together in milliseconds; 60000 unless given' }),
  })
  .meta({ id: 'Batch' })
export type Batch = z.output<typeof Batch>

export const BatchResult = z
  .object({
    sessionId: SessionId,
    results: z.array(
      z.object({
        type: z.string(),
        status: z.enum(['success', 'error', 'skipped']),
        durationMs: z.int(),
        result: z.record(z.string(), z.unknown()).optional().meta({
          description: 'As of the command by itself; images and PDFs as base64',
        }),
        problem: z
          .object({
            ...{ type: z.string(), title: z.string(), status: z.int(), detail: z.string() },
            ...{ instance: z.string(), code: z.string(), category: z.string() },
            ...{ correlationId: z.string(), suggestion: z.string().optional() },
            errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
          })
          .optional(),
      }),
    ),
  })
  .meta({ id: 'BatchResult', description: 'One entry per command, in their order' })
export type BatchResult = z.output<typeof BatchResult>
