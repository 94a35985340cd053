import { z } from 'zod'
import { defineJob } from '#kernel/jobs.ts'
import { keepSigningKeys } from './rotate.ts'
import type { SigningKeys } from './signing-keys.ts'

export function keepSigningKeysJob(keys: () => SigningKeys) {
  return defineJob({
    name: 'identity.keep_signing_keys',
    summary: 'Publish the next token signing key, let it sign when it is due, and let old ones go',
    input: z.strictObject({}),
    cron: '13 * * * *',
    concurrency: 1,
    run: (ctx) => keepSigningKeys(ctx, keys()),
  })
}
