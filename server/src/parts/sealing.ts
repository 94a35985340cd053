import type { Clock } from '#kernel/clock.ts'
import type { Config } from '#kernel/config.ts'
import type { Db } from '#kernel/db.ts'
import type { Home } from '#kernel/home.ts'
import type { Log } from '#kernel/log.ts'
import { Kms } from '#kernel/secrets/kms.ts'
import { SealingKeys } from '#kernel/secrets/sealing-keys.ts'

/** KMS as the configuration names it; nothing connects before it is needed. */
export function openKms(config: Config): Kms {
  const { AWS_REGION: region, KMS_ENDPOINT: endpoint, AWS_ACCESS_KEY_ID: accessKeyId } = config
  return new Kms({
    ...(region && { region }),
    ...(endpoint && { endpoint }),
    ...(accessKeyId && {
      credentials: { accessKeyId, secretAccessKey: config.AWS_SECRET_ACCESS_KEY! },
    }),
  })
}

/** The sealing keys of this installation. @throws Error that names the one which this machine lacks */
export function openSealingKeys(
  config: Config,
  { home, log, ...rest }: { home: Home; log: Log; db: Db; clock: Clock; kms: Kms },
): Promise<SealingKeys> {
  return SealingKeys.open({
    ...{ ...rest, directory: home.keys, log: log.category('secrets') },
    ...(config.KMS_KEY_ID && { kmsKeyId: config.KMS_KEY_ID }),
  })
}
