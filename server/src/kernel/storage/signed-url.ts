import { createHmac, timingSafeEqual } from 'node:crypto'
import { SignedUrlRefused } from './errors.ts'
import { checkKey } from './keys.ts'
import { checkContentType, checkExpiry, type SignedUrlOptions } from './store.ts'

/** What a signed URL lets its holder do. */
export interface Grant {
  method: 'GET' | 'PUT'
  key: string
  expiresAtSeconds: number
  contentType?: string
  maxBytes?: number
  downloadName?: string
}

const PATH = '/objects/'

/** `<publicUrl>/objects/<key>?expires=…&signature=…`; what else is granted stands in `type`, `max` and `name`. */
export function signUrl(
  signingKey: Buffer,
  publicUrl: string,
  key: string,
  options: SignedUrlOptions,
  now: Date,
): string {
  checkKey(key)
  checkExpiry(options.expiresInSeconds)
  const { expiresInSeconds, ...rest } = options
  const expiresAtSeconds = Math.floor(now.getTime() / 1000) + expiresInSeconds
  const grant: Grant = { ...rest, key, expiresAtSeconds }
  if (grant.contentType !== undefined) checkContentType(grant.contentType)
  const query = new URLSearchParams({ expires: String(expiresAtSeconds) })
  if (grant.contentType !== undefined) query.set('type', grant.contentType)
  if (grant.maxBytes !== undefined) query.set('max', String(grant.maxBytes))
  if (grant.downloadName !== undefined) query.set('name', grant.downloadName.toWellFormed())
  query.set('signature', signatureOf(signingKey, grant))
  return `${publicUrl.replace(/\/$/, '')}${PATH}${key}?${query}`
}

/**
 * What a URL (whole, or its path and query) grants to a request with this method; a `HEAD` is granted by a `GET`.
 *
 * @throws SignedUrlRefused.
 */
export function verifySignedUrl(signingKey: Buffer, method: string, url: string, now: Date): Grant {
  const grant = readGrant(method === 'HEAD' ? 'GET' : method, url)
  if (!grant || !isSame(grant.signature, signatureOf(signingKey, grant))) {
    throw new SignedUrlRefused('invalid')
  }
  if (now.getTime() >= grant.expiresAtSeconds * 1000) throw new SignedUrlRefused('expired')
  const { signature: _, ...verified } = grant
  return verified
}

function readGrant(method: string, url: string): (Grant & { signature: string }) | undefined {
  if (method !== 'GET' && method !== 'PUT') return undefined
  if (!URL.canParse(url, 'http://localhost')) return undefined
  const { pathname, searchParams } = new URL(url, 'http://localhost')
  const at = pathname.indexOf(PATH)
  const names = ['expires', 'type', 'max', 'name']
  const [expires, type, max, name] = names.map((each) => searchParams.get(each))
  if (at < 0 || !/^\d{1,12}$/.test(expires ?? '') || !/^\d{0,15}$/.test(max ?? '')) return undefined
  return {
    method,
    key: pathname.slice(at + PATH.length),
    expiresAtSeconds: Number(expires),
    ...(typeof type === 'string' && { contentType: type }),
    ...(typeof max === 'string' && { maxBytes: Number(max) }),
    ...(typeof name === 'string' && { downloadName: name }),
    signature: searchParams.get('signature') ?? '',
  }
}

function signatureOf(signingKey: Buffer, grant: Grant): string {
  const { method, key, expiresAtSeconds, contentType, maxBytes, downloadName } = grant
  const signed = [
    'object url',
    method,
    key,
    expiresAtSeconds,
    contentType ?? null,
    maxBytes ?? null,
    downloadName?.toWellFormed() ?? null,
  ]
  return createHmac('sha256', signingKey).update(JSON.stringify(signed)).digest('base64url')
}

function isSame(given: string, right: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(right)]
  return one.length === other.length && timingSafeEqual(one, other)
}
