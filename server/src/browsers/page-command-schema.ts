import { z } from 'zod'
import { selector, timeoutMs, waitUntil } from './command-schema.ts'
import type { ExtractField as Field, ExtractRule as Rule } from './driver/page-commands.ts'
import { SessionId } from './schema.ts'

const PAPERS = [
  ...['letter', 'legal', 'tabloid', 'ledger'],
  ...['a0', 'a1', 'a2', 'a3', 'a4', 'a5', 'a6'],
] as const satisfies string[]
const sideMm = z.number().min(10).max(5_000)
const marginMm = z.number().min(0).max(1_000).optional()
const template = z
  .string()
  .max(16 * 1024)
  .optional()
  .meta({
    description: 'HTML; the classes date, title, url, pageNumber and totalPages are filled in',
    examples: ['<span style="font-size: 8px" class="pageNumber"></span>'],
  })

export const pdfMembers = {
  paper: z.enum(PAPERS).optional().meta({ description: 'letter unless given' }),
  sizeMm: z
    .strictObject({ width: sideMm, height: sideMm })
    .optional()
    .meta({ description: 'A paper of any size, instead of a named one' }),
  landscape: z.boolean().optional(),
  marginsMm: z
    .strictObject({ top: marginMm, right: marginMm, bottom: marginMm, left: marginMm })
    .optional()
    .meta({ description: '10 on every side unless given' }),
  scale: z.number().min(0.1).max(2).optional().meta({ description: '1 unless given' }),
  background: z
    .boolean()
    .optional()
    .meta({ description: 'Prints background colours and pictures too' }),
  pageRanges: z
    .string()
    .max(200)
    .regex(/^ *\d{1,6}( *- *\d{1,6})?( *, *\d{1,6}( *- *\d{1,6})?)* *$/, 'must be like 1-5, 8')
    .optional()
    .meta({ description: 'All pages unless given', examples: ['1-5, 8'] }),
  headerTemplate: template,
  footerTemplate: template,
  preferCssPageSize: z
    .boolean()
    .optional()
    .meta({ description: 'The size that the page’s own @page rule names wins' }),
  timeoutMs,
}
export const pdfFits = ({ paper, sizeMm }: { paper?: string; sizeMm?: object }) =>
  paper === undefined || sizeMm === undefined
export const PDF_ERROR = 'paper and sizeMm exclude each other'

export const Pdf = z
  .strictObject(pdfMembers)
  .refine(pdfFits, { error: PDF_ERROR })
  .meta({ id: 'Pdf' })

export const waitMembers = {
  selector: selector.optional(),
  state: z
    .enum(['visible', 'hidden', 'attached', 'detached'])
    .optional()
    .meta({ description: 'What the first match of selector is to be; visible unless given' }),
  text: z
    .string()
    .min(1)
    .max(1_000)
    .optional()
    .meta({ description: 'Text that can be read on the page, in any case' }),
  url: z
    .string()
    .min(1)
    .max(1_000)
    .optional()
    .meta({
      description: 'A whole URL, or a pattern: * is anything but a slash, ** is anything',
      examples: ['https://example.com/orders/*'],
    }),
  networkIdle: z
    .literal(true)
    .optional()
    .meta({ description: 'The page has loaded and had no request under way for 500 ms' }),
  function: z
    .string()
    .min(1)
    .max(100_000)
    .optional()
    .meta({
      description: 'JavaScript, as of execute; looked at again and again until it is truthy',
      examples: ['document.querySelectorAll(".item").length > 3'],
    }),
  timeMs: z.int().min(0).max(60_000).optional().meta({ description: 'A pause' }),
}
type WaitMembers = { [Name in keyof typeof waitMembers]?: unknown }

/** Exactly one thing is waited for. */
export const waitsForOne = ({ state, ...wait }: WaitMembers & { timeoutMs?: number }) => {
  const { selector, text, url, networkIdle, function: script, timeMs } = wait
  const given = [selector, text, url, networkIdle, script, timeMs]
  const isOne = given.filter((one) => one !== undefined).length === 1
  return isOne && (state === undefined || selector !== undefined)
}
export const WAIT_ERROR =
  'give exactly one of selector, text, url, networkIdle, function and timeMs; state goes with selector'

export const timeoutOf = { timeoutMs }

export const Wait = z
  .strictObject({ ...waitMembers, ...timeoutOf })
  .refine(waitsForOne, { error: WAIT_ERROR })
  .meta({ id: 'Wait' })

const css = z
  .string()
  .min(1)
  .max(1_000)
  .meta({ description: 'A CSS selector', examples: ['h1'] })
const MAX_FIELDS = 200
const fieldsOf = () => z.record(z.string().min(1).max(200), ExtractField)

const ExtractRule: z.ZodType<Rule> = z
  .strictObject({
    selector: css.optional().meta({ description: 'The element around it unless given' }),
    attribute: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .meta({ description: 'Instead of the text; href and src come back as whole URLs' }),
    all: z.boolean().optional().meta({ description: 'A list of all matches, at most 1,000' }),
    fields: z.lazy(fieldsOf).optional().meta({ description: 'What to read inside each match' }),
  })
  .refine(({ attribute, fields }) => attribute === undefined || fields === undefined, {
    error: 'attribute and fields exclude each other',
  })

const ExtractField: z.ZodType<Field> = z.union([css, ExtractRule]).meta({
  id: 'ExtractField',
  description: 'A CSS selector whose first match gives its text, or a rule; null without a match',
})

function fieldCount(fields: Record<string, Field>): number {
  return Object.values(fields).reduce<number>(
    (sum, field) => sum + 1 + (typeof field === 'object' ? fieldCount(field.fields ?? {}) : 0),
    0,
  )
}

export const extractMembers = {
  schema: z
    .record(z.string().min(1).max(200), ExtractField)
    .refine((fields) => fieldCount(fields) <= MAX_FIELDS, `at most ${MAX_FIELDS} fields`)
    .optional()
    .meta({ description: 'What the answer is to hold, by name' }),
  format: z
    .enum(['markdown', 'text', 'html'])
    .optional()
    .meta({ description: 'The whole page, or the first match of selector, in this form' }),
  selector: css.optional().meta({ description: 'Of format: waited for, then read alone' }),
  timeoutMs,
}
export const extractsOne = (extract: { schema?: unknown; format?: string; selector?: string }) =>
  (extract.schema === undefined) !== (extract.format === undefined) &&
  (extract.selector === undefined || extract.format !== undefined)
export const EXTRACT_ERROR = 'give either schema or format; selector goes with format'

export const Extract = z
  .strictObject(extractMembers)
  .refine(extractsOne, { error: EXTRACT_ERROR })
  .meta({ id: 'Extract' })

const MAX_FILES = 20
const MAX_BASE64 = Math.ceil((50 * 1024 * 1024) / 3) * 4
const isBase64 = (text: string) =>
  text.length % 4 === 0 && !/[^A-Za-z0-9+/=]/.test(text) && !/=[^=]|===/.test(text)

export const uploadMembers = {
  files: z
    .array(
      z.strictObject({
        name: z
          .string()
          .min(1)
          .max(500)
          .meta({ description: 'The part after the last slash counts', examples: ['cv.pdf'] }),
        contentType: z
          .string()
          .max(200)
          .regex(/^[\w.+-]+\/[\w.+-]+$/, 'must be a media type such as text/csv')
          .optional()
          .meta({ description: 'Chromium tells it by the name unless given' }),
        base64: z
          .string()
          .max(MAX_BASE64)
          .refine(isBase64, 'must be base64')
          .meta({ contentEncoding: 'base64' }),
      }),
    )
    .min(1)
    .max(MAX_FILES)
    .meta({ description: 'At most 50 MiB together' }),
  selector: selector.optional().meta({ description: 'A file input that is given the files' }),
  timeoutMs,
}
export const Upload = z.strictObject(uploadMembers).meta({ id: 'Upload' })

export const historyMembers = { waitUntil, timeoutMs }
export const Journey = z.strictObject(historyMembers).meta({ id: 'Journey' })

const sessionId = SessionId

export const PdfResult = z
  .object({ sessionId, bytes: z.int(), base64: z.base64() })
  .meta({ id: 'PdfResult' })

export const WaitResult = z
  .object({ sessionId, url: z.string(), title: z.string(), waitedMs: z.int() })
  .meta({ id: 'WaitResult', description: 'The page once the wait was over' })

export const ExtractResult = z
  .object({
    sessionId,
    url: z.string(),
    data: z.record(z.string(), z.unknown()).optional().meta({ description: 'Of schema' }),
    content: z.string().optional().meta({ description: 'Of format' }),
  })
  .meta({ id: 'ExtractResult' })

export const UploadResult = z
  .object({
    sessionId,
    files: z.array(
      z.object({
        name: z.string().meta({ description: 'As the page sees it' }),
        bytes: z.int(),
        path: z.string().meta({ description: 'As `DOM.setFileInputFiles` takes it over CDP' }),
      }),
    ),
  })
  .meta({ id: 'UploadResult' })
