import type { Config } from '#kernel/config.ts'
import type { Home } from '#kernel/home.ts'
import { openObjectStore, type ObjectStoreOptions } from '#kernel/storage/open.ts'
import type { ObjectStore } from '#kernel/storage/store.ts'

/** The object store that the configuration names; the data directory's own unless it does. */
export function openStore(
  config: Config,
  home: Home,
  rest: Pick<ObjectStoreOptions, 'publicUrl' | 'signingKey' | 'clock'>,
): Promise<ObjectStore> {
  const bucket = config.S3_BUCKET_NAME && `s3://${config.S3_BUCKET_NAME}`
  const id = config.AWS_ACCESS_KEY_ID
  return openObjectStore({
    ...rest,
    url: config.OBJECT_STORE_URL ?? bucket,
    localRoot: home.objects,
    ...(id && {
      credentials: { accessKeyId: id, secretAccessKey: config.AWS_SECRET_ACCESS_KEY! },
    }),
  })
}
