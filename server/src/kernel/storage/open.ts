import { fileURLToPath } from 'node:url'
import type { Clock } from '../clock.ts'
import { openLocalStore } from './local.ts'
import type { S3Credentials } from './s3.ts'
import type { ObjectStore } from './store.ts'

export interface ObjectStoreOptions {
  /** `file:///path` or `s3://bucket/prefix?region=…&endpoint=https://…&pathStyle=true`; `localRoot` when absent. */
  url?: string | undefined
  localRoot: string
  /** Where the signed URLs of local objects lead. */
  publicUrl: () => string
  signingKey: Buffer
  clock: Clock
  /** For S3; the SDK's own chain (environment, shared files, instance role) when absent. */
  credentials?: S3Credentials
}

/** @throws Error that says what is wrong with the URL. */
export async function openObjectStore(options: ObjectStoreOptions): Promise<ObjectStore> {
  const { url, localRoot } = options
  if (url === undefined) return openLocalStore({ ...options, root: localRoot })
  const { protocol } = URL.canParse(url) ? new URL(url) : { protocol: '' }
  if (protocol === 'file:') return openLocalStore({ ...options, root: fileURLToPath(url) })
  if (protocol !== 's3:') throw new Error('the object store URL must begin with file: or s3:')
  // Only those who use S3 pay for loading its SDK.
  const { openS3Store } = await import('./s3.ts')
  return openS3Store(url, options)
}
