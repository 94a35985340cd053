import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { flowOf, openMeter } from './flow.ts'
import type { Body, PutOptions, Stored } from './store.ts'

interface Target {
  Bucket: string
  Key: string
}

interface Part {
  bytes: Buffer
  isLast: boolean
}

const PART_BYTES = 8 * 1024 * 1024
/** S3 takes no more parts than this, so objects above 80 GB are sent in larger ones. */
const MAX_PARTS = 10_000

/** Sends a body of unknown length with one part of it in memory: at once when it fits, else as a multipart upload. */
export async function uploadToS3(
  client: S3Client,
  target: Target,
  body: Body,
  { contentType, maxBytes, signal }: PutOptions,
): Promise<Stored> {
  const meter = openMeter(maxBytes)
  const partBytes = Math.max(PART_BYTES, Math.ceil(maxBytes / MAX_PARTS))
  const parts = inParts(meter.count(flowOf(body, signal)), partBytes)
  const first = await parts.next()
  if (first.done) throw new Error('a body has at least one part')
  if (!first.value.isLast) {
    await uploadParts(client, target, first.value, parts, contentType, signal)
    return meter.read()
  }
  const stored = meter.read()
  const command = new PutObjectCommand({
    ...target,
    Body: first.value.bytes,
    ContentType: contentType,
    Metadata: { sha256: stored.sha256 },
  })
  await client.send(command, abortWith(signal))
  return stored
}

/** What was sent so far is given up when anything fails; an object appears only with the last step. */
async function uploadParts(
  client: S3Client,
  target: Target,
  first: Part,
  rest: AsyncGenerator<Part>,
  contentType: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const create = new CreateMultipartUploadCommand({ ...target, ContentType: contentType })
  const { UploadId } = await client.send(create, abortWith(signal))
  const upload = { ...target, UploadId }
  try {
    const sent: { PartNumber: number; ETag: string | undefined }[] = []
    const send = async (part: Part) => {
      const PartNumber = sent.length + 1
      const command = new UploadPartCommand({ ...upload, PartNumber, Body: part.bytes })
      const { ETag } = await client.send(command, abortWith(signal))
      sent.push({ PartNumber, ETag })
    }
    await send(first)
    for await (const part of rest) await send(part)
    const complete = new CompleteMultipartUploadCommand({
      ...upload,
      MultipartUpload: { Parts: sent },
    })
    await client.send(complete, abortWith(signal))
  } catch (error) {
    // The first failure is the one to report; S3 itself clears an upload that cannot be given up, if told to.
    await client.send(new AbortMultipartUploadCommand(upload)).catch(() => {})
    throw error
  }
}

/** Parts of exactly `size`, the last of 0 to `size`: a part is given away only when a byte after it is known. */
async function* inParts(source: AsyncIterable<Buffer>, size: number): AsyncGenerator<Part> {
  let held: Buffer[] = []
  let length = 0
  for await (const chunk of source) {
    held.push(chunk)
    length += chunk.length
    while (length > size) {
      const bytes = joined(held)
      yield { bytes: bytes.subarray(0, size), isLast: false }
      held = [bytes.subarray(size)]
      length -= size
    }
  }
  yield { bytes: joined(held), isLast: true }
}

function joined([first, ...rest]: Buffer[]): Buffer {
  if (!first) return Buffer.alloc(0)
  return rest.length === 0 ? first : Buffer.concat([first, ...rest])
}

function abortWith(signal: AbortSignal | undefined): { abortSignal?: AbortSignal } {
  return signal ? { abortSignal: signal } : {}
}
