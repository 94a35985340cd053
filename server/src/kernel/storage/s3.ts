import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import type { Readable } from 'node:stream'
import type { Clock } from '../clock.ts'
import { attachment } from './disposition.ts'
import { ObjectNotFound, ObjectStoreFull, RangeNotSatisfiable } from './errors.ts'
import { discard } from './flow.ts'
import { checkKey, checkPrefix } from './keys.ts'
import { uploadToS3 } from './s3-upload.ts'
import { parseS3Url } from './s3-url.ts'
import {
  type Body,
  type ByteRange,
  checkContentType,
  checkExpiry,
  checkLimit,
  type ObjectContent,
  type ObjectInfo,
  type ObjectPage,
  type ObjectStore,
  type PutOptions,
  type SignedUrlOptions,
  type Stored,
} from './store.ts'

export interface S3Credentials {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
}

export interface S3StoreOptions {
  clock: Clock
  credentials?: S3Credentials
}

const CONNECT_TIMEOUT_MS = 5_000
/** For one request or one part of an upload, and for a download that stands still. */
const REQUEST_TIMEOUT_MS = 60_000
/** For a call without a body, tries again included. */
const CALL_TIMEOUT_MS = 30_000
const CHECK_TIMEOUT_MS = 5_000

export function openS3Store(url: string, { clock, credentials }: S3StoreOptions): ObjectStore {
  const { bucket, prefix, region, endpoint, pathStyle } = parseS3Url(url)
  const client = new S3Client({
    region,
    forcePathStyle: pathStyle,
    ...(endpoint && { endpoint }),
    ...(credentials && { credentials }),
    // Other stores than Amazon's refuse its newer checksums, and in a signed URL they would be those of an empty body.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      socketTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
    },
  })
  return new S3Store(client, bucket, prefix, clock)
}

class S3Store implements ObjectStore {
  readonly #client: S3Client
  readonly #bucket: string
  /** Empty, or with a final `/`. */
  readonly #prefix: string
  readonly #clock: Clock

  constructor(client: S3Client, bucket: string, prefix: string, clock: Clock) {
    this.#client = client
    this.#bucket = bucket
    this.#prefix = prefix
    this.#clock = clock
  }

  async put(key: string, body: Body, options: PutOptions): Promise<Stored> {
    checkContentType(options.contentType)
    const target = this.#target(key)
    try {
      return await uploadToS3(this.#client, target, body, options)
    } catch (error) {
      discard(body)
      return fail(error, key)
    }
  }

  async get(
    key: string,
    { range, signal }: { range?: ByteRange; signal?: AbortSignal } = {},
  ): Promise<ObjectContent> {
    const Range = range && `bytes=${range.start}-${range.end ?? ''}`
    const command = new GetObjectCommand({ ...this.#target(key), Range })
    const found = await this.#client
      .send(command, { ...(signal && { abortSignal: signal }) })
      .catch((error) => fail(error, key))
    const bytes = found.ContentLength ?? 0
    const [, start = 0, total = bytes] =
      /^bytes (\d+)-\d+\/(\d+)$/.exec(found.ContentRange ?? '') ?? []
    return {
      stream: found.Body as Readable,
      bytes,
      start: Number(start),
      totalBytes: Number(total),
      ...describe(found),
    }
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    try {
      const found = await this.#client.send(
        new HeadObjectCommand(this.#target(key)),
        within(CALL_TIMEOUT_MS),
      )
      return {
        key,
        bytes: found.ContentLength ?? 0,
        ...describe(found),
        modifiedAt: found.LastModified ?? new Date(0),
      }
    } catch (error) {
      if (statusOf(error) === 404) return undefined
      throw error
    }
  }

  async remove(key: string): Promise<void> {
    await this.#client.send(new DeleteObjectCommand(this.#target(key)), within(CALL_TIMEOUT_MS))
  }

  async list(
    prefix: string,
    { limit, after }: { limit: number; after?: string },
  ): Promise<ObjectPage> {
    checkLimit(limit)
    checkPrefix(prefix)
    const page = await this.#client.send(
      new ListObjectsV2Command({
        Bucket: this.#bucket,
        Prefix: this.#prefix + prefix,
        MaxKeys: limit,
        ...(after && { StartAfter: this.#prefix + after }),
      }),
      within(CALL_TIMEOUT_MS),
    )
    const objects = (page.Contents ?? []).map((object) => ({
      key: (object.Key ?? '').slice(this.#prefix.length),
      bytes: object.Size ?? 0,
      modifiedAt: object.LastModified ?? new Date(0),
    }))
    const next = page.IsTruncated ? objects.at(-1)?.key : undefined
    return next === undefined ? { objects } : { objects, next }
  }

  async signedUrl(key: string, options: SignedUrlOptions): Promise<string> {
    checkExpiry(options.expiresInSeconds)
    const target = this.#target(key)
    const common = { expiresIn: options.expiresInSeconds, signingDate: this.#clock.now() }
    if (options.method === 'GET') {
      const ResponseContentDisposition = attachment(options.downloadName)
      const command = new GetObjectCommand({ ...target, ResponseContentDisposition })
      return getSignedUrl(this.#client, command, common)
    }
    const { contentType: ContentType, maxBytes: ContentLength } = options
    const command = new PutObjectCommand({ ...target, ContentType, ContentLength })
    // The SDK leaves the type out of what it signs, and makes one up where none is wanted.
    const signableHeaders = new Set(ContentType === undefined ? [] : ['content-type'])
    return getSignedUrl(this.#client, command, { ...common, signableHeaders })
  }

  async check(): Promise<void> {
    const command = new HeadBucketCommand({ Bucket: this.#bucket })
    await this.#client.send(command, within(CHECK_TIMEOUT_MS))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.destroy()
  }

  #target(key: string): { Bucket: string; Key: string } {
    checkKey(key)
    return { Bucket: this.#bucket, Key: this.#prefix + key }
  }
}

function describe(found: { ContentType?: string; Metadata?: Record<string, string> }) {
  const sha256 = found.Metadata?.['sha256']
  const contentType = found.ContentType ?? 'application/octet-stream'
  return sha256 === undefined ? { contentType } : { contentType, sha256 }
}

function within(timeoutMs: number): { abortSignal: AbortSignal } {
  return { abortSignal: AbortSignal.timeout(timeoutMs) }
}

function fail(error: unknown, key: string): never {
  const status = statusOf(error)
  if (status === 404) throw new ObjectNotFound(key)
  if (status === 416) throw new RangeNotSatisfiable()
  if (status === 507) throw new ObjectStoreFull(error)
  throw error
}

function statusOf(error: unknown): number | undefined {
  return (error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode
}
