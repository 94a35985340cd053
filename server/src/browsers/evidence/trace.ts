import { Readable } from 'node:stream'
import { ZipFile } from 'yazl'
import type { Exchange } from '../watch/exchange.ts'
import type { Frame } from './frame-format.ts'
import { harEntry } from './har.ts'
import type { FrameHeader, Manifest, TimelineEvent } from './manifest.ts'
import { traceEvents } from './trace-events.ts'

interface Source {
  manifest: Manifest
  events(): AsyncIterable<TimelineEvent>
  frames(): AsyncIterable<Frame>
}

/** Of the format that Playwright's viewer reads; it brings older ones up to date by itself. */
const TRACE_VERSION = 10
const STORED = { compress: false }

/**
 * A Playwright trace: commands and navigations as actions, the console, requests and the film strip. The zip is made while it is read,
 * from one part of the recording at a time.
 */
export async function trace(source: Source): Promise<Readable> {
  const frames: FrameHeader[] = []
  for await (const { jpeg: _jpeg, ...header } of source.frames()) frames.push(header)
  const zip = new ZipFile()
  addLazily(zip, 'trace.trace', {}, () => Readable.from(traceLines(source, frames)))
  addLazily(zip, 'trace.network', {}, () => Readable.from(networkLines(source)))
  // The entries are read in the order in which they are added, which is that of the recording.
  const images = source.frames()[Symbol.asyncIterator]()
  for (const [index, { bytes }] of frames.entries()) {
    const options = { ...STORED, size: bytes }
    addLazily(zip, imageName(index), options, () => Readable.from(nextImage(images)))
  }
  zip.end()
  const output = zip.outputStream as Readable
  zip.on('error', (error: Error) => output.destroy(error))
  return output
}

function addLazily(zip: ZipFile, name: string, options: object, open: () => Readable): void {
  zip.addReadStreamLazy(name, options, (give) => {
    const stream = open()
    stream.on('error', (error) => zip.emit('error', error))
    give(null, stream)
  })
}

async function* nextImage(images: AsyncIterator<Frame>): AsyncGenerator<Buffer> {
  const next = await images.next()
  if (next.done) throw new Error('the recording has changed while it was read')
  yield next.value.jpeg
}

async function* traceLines(source: Source, frames: FrameHeader[]) {
  yield line(contextOptions(source.manifest, frames[0]))
  for (const [index, frame] of frames.entries()) {
    const { ms: timestamp, pageId, width, height } = frame
    yield line({
      type: 'screencast-frame',
      pageId,
      file: imageName(index),
      width,
      height,
      timestamp,
    })
  }
  let count = 0
  for await (const event of source.events()) {
    for (const traced of traceEvents(event, `call@${++count}`)) yield line(traced)
  }
}

async function* networkLines(source: Source) {
  const startedMs = Date.parse(source.manifest.startedAt)
  for await (const { kind, data } of source.events()) {
    if (kind !== 'exchange') continue
    const exchange = data as unknown as Exchange
    const _monotonicTime = Date.parse(exchange.startedAt) - startedMs
    const snapshot = {
      pageref: exchange.pageId,
      _monotonicTime,
      _resourceType: exchange.resourceType.toLowerCase(),
      ...harEntry(exchange),
    }
    yield line({ type: 'resource-snapshot', snapshot })
  }
}

function contextOptions({ sessionId, startedAt }: Manifest, first: FrameHeader | undefined) {
  const viewport = first && { width: first.width, height: first.height }
  return {
    version: TRACE_VERSION,
    type: 'context-options',
    origin: 'library',
    browserName: 'chromium',
    options: { viewport },
    platform: 'linux',
    wallTime: Date.parse(startedAt),
    monotonicTime: 0,
    sdkLanguage: 'javascript',
    title: sessionId,
  }
}

function imageName(index: number): string {
  return `screencast/frame-${String(index + 1).padStart(6, '0')}.jpeg`
}

function line(event: object): string {
  return `${JSON.stringify(event)}\n`
}
