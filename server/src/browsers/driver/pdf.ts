import { problems } from '../problems.ts'
import { CdpError } from './cdp.ts'
import type { PdfInput, PdfResult } from './page-commands.ts'
import type { Scene } from './scene.ts'

const MAX_PDF_BYTES = 50 * 1024 * 1024
const CHUNK_BYTES = 1024 * 1024
const CLOSE_DEADLINE_MS = 1_000
const MM_PER_INCH = 25.4
const DEFAULT_MARGIN_MM = 10

/** Width and height in inches, upright. */
const PAPERS: Record<NonNullable<PdfInput['paper']>, readonly [number, number]> = {
  letter: [8.5, 11],
  legal: [8.5, 14],
  tabloid: [11, 17],
  ledger: [17, 11],
  a0: [841 / MM_PER_INCH, 1189 / MM_PER_INCH],
  a1: [594 / MM_PER_INCH, 841 / MM_PER_INCH],
  a2: [420 / MM_PER_INCH, 594 / MM_PER_INCH],
  a3: [297 / MM_PER_INCH, 420 / MM_PER_INCH],
  a4: [210 / MM_PER_INCH, 297 / MM_PER_INCH],
  a5: [148 / MM_PER_INCH, 210 / MM_PER_INCH],
  a6: [105 / MM_PER_INCH, 148 / MM_PER_INCH],
}

/**
 * Prints the page. The document is read in parts, so that one of a page that never ends is given up at 50 MiB.
 *
 * @throws problem `browser.print_refused` with Chromium's reason, or `browser.output_too_large`
 */
export async function pdf(scene: Scene, input: PdfInput): Promise<PdfResult> {
  const { link, tab, run } = scene
  run.awaits('the page to be printed')
  const options = { sessionId: tab.sessionId, signal: run.signal }
  try {
    const { stream } = await link.cdp.send<{ stream: string }>(
      'Page.printToPDF',
      { ...printOptions(input), transferMode: 'ReturnAsStream' },
      options,
    )
    return { bytes: await readStream(scene, stream), contentType: 'application/pdf' }
  } catch (error) {
    throw explainPrint(error)
  }
}

function printOptions(input: PdfInput): Record<string, unknown> {
  const { paper = 'letter', sizeMm, marginsMm = {}, headerTemplate, footerTemplate } = input
  const [paperWidth, paperHeight] = sizeMm
    ? [inches(sizeMm.width), inches(sizeMm.height)]
    : PAPERS[paper]
  const margin = (side: keyof typeof marginsMm) => inches(marginsMm[side] ?? DEFAULT_MARGIN_MM)
  return {
    ...{ paperWidth, paperHeight, landscape: input.landscape ?? false, scale: input.scale ?? 1 },
    ...{ marginTop: margin('top'), marginBottom: margin('bottom') },
    ...{ marginLeft: margin('left'), marginRight: margin('right') },
    printBackground: input.background ?? false,
    pageRanges: input.pageRanges ?? '',
    preferCSSPageSize: input.preferCssPageSize ?? false,
    displayHeaderFooter: headerTemplate !== undefined || footerTemplate !== undefined,
    // Chromium has texts of its own for what is absent or empty.
    headerTemplate: headerTemplate || '<span></span>',
    footerTemplate: footerTemplate || '<span></span>',
  }
}

function inches(millimetres: number): number {
  return millimetres / MM_PER_INCH
}

interface Part {
  data: string
  base64Encoded?: boolean
  eof: boolean
}

async function readStream({ link, tab: { sessionId }, run }: Scene, handle: string) {
  const parts: Buffer[] = []
  let length = 0
  try {
    for (;;) {
      const { data, base64Encoded, eof } = await link.cdp.send<Part>(
        'IO.read',
        { handle, size: CHUNK_BYTES },
        { sessionId, signal: run.signal },
      )
      const part = Buffer.from(data, base64Encoded ? 'base64' : 'latin1')
      length += part.length
      if (length > MAX_PDF_BYTES) {
        throw problems.outputTooLarge({ what: 'The PDF', limit: MAX_PDF_BYTES })
      }
      parts.push(part)
      if (eof) return Buffer.concat(parts)
    }
  } finally {
    const signal = AbortSignal.timeout(CLOSE_DEADLINE_MS)
    link.cdp.send('IO.close', { handle }, { sessionId, signal }).catch(() => {})
  }
}

const REFUSALS: [RegExp, string][] = [
  [/page range/i, 'pageRanges names pages that the document does not have, or cannot be read'],
  [/content area|margins?|paper/i, 'the margins leave no room on the paper'],
  [/Printing failed|Printing is not available/i, 'Chromium could not print it'],
]

function explainPrint(error: unknown): unknown {
  if (!(error instanceof CdpError)) return error
  const reason = REFUSALS.find(([pattern]) => pattern.test(error.message))?.[1]
  return reason ? problems.printRefused({ reason, cause: error }) : error
}
