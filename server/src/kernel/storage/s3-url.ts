import { checkKey } from './keys.ts'

export interface S3Location {
  bucket: string
  /** Empty, or with a final `/`. */
  prefix: string
  region: string
  endpoint: string | undefined
  pathStyle: boolean
}

const SETTINGS = ['region', 'endpoint', 'pathStyle']

/**
 * Reads `s3://bucket/prefix?region=…&endpoint=https://…&pathStyle=true`. Credentials do not belong in it, since URLs are shown.
 *
 * @throws Error that says what is wrong, without repeating the URL.
 */
export function parseS3Url(text: string): S3Location {
  const url = new URL(text)
  const { hostname: bucket, pathname, searchParams: settings } = url
  if (url.username || url.password) throw new Error('an s3: URL may not hold credentials')
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket))
    throw new Error('an s3: URL must name a bucket')
  const unknown = [...settings.keys()].find((name) => !SETTINGS.includes(name))
  if (unknown)
    throw new Error(`an s3: URL has no setting "${unknown}"; it has ${SETTINGS.join(', ')}`)

  const endpoint = settings.get('endpoint') ?? undefined
  if (endpoint !== undefined && !/^https?:\/\/[^/@?#]+(\/[^?#]*)?$/.test(endpoint)) {
    throw new Error('the endpoint of an s3: URL must begin with https: or http: and hold no query')
  }
  const pathStyle = settings.get('pathStyle') ?? 'false'
  if (!['true', 'false'].includes(pathStyle))
    throw new Error('pathStyle of an s3: URL is true or false')

  const path = pathname.replace(/^\/|\/$/g, '')
  const prefix = path && `${checkKey(path).join('/')}/`
  const region = settings.get('region') ?? 'us-east-1'
  return { bucket, prefix, region, endpoint, pathStyle: pathStyle === 'true' }
}
