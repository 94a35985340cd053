// A program of its own: decoders of foreign pictures are native code, which here finds no keys in memory, brings nothing down, and
// gives its memory back. Reads one picture from standard input and writes one of ours to standard output.
import { buffer } from 'node:stream/consumers'
import { EXITS, MAX_PIXELS, SIDE } from './picture-terms.ts'

/** Anything else, such as SVG or PDF, has no decoder here, whatever it calls itself. */
const DECODERS = ['Jpeg', 'Png', 'Webp', 'Nsgif', 'Heif'].map(
  (name) => `VipsForeignLoad${name}Buffer`,
)
const FORMATS = new Set(['jpeg', 'png', 'webp', 'gif'])
const SECONDS = 20

async function main(): Promise<number> {
  const load = await import('sharp').catch(() => undefined)
  if (!load) return EXITS.unavailable
  const sharp = load.default
  sharp.cache(false)
  sharp.concurrency(1)
  sharp.block({ operation: ['VipsForeignLoad'] })
  sharp.unblock({ operation: DECODERS })
  const limits = { failOn: 'error', limitInputPixels: false, limitInputChannels: 5 } as const
  const input = await buffer(process.stdin)
  try {
    const { format, compression, width, height } = await sharp(input, limits).metadata()
    const isKnown = FORMATS.has(format) || (format === 'heif' && compression === 'av1')
    if (!isKnown) return EXITS.refused
    if (width * height > MAX_PIXELS) return EXITS.tooManyPixels
    // Without `withMetadata` nothing that the picture says beside its pixels is kept, such as where it was taken.
    const picture = await sharp(input, { ...limits, limitInputPixels: MAX_PIXELS })
      .autoOrient()
      .resize(SIDE, SIDE, { fit: 'cover', position: 'centre' })
      .webp({ quality: 82 })
      .timeout({ seconds: SECONDS })
      .toBuffer()
    process.stdout.end(picture)
    return EXITS.done
  } catch {
    return EXITS.refused
  }
}

process.exitCode = await main()
