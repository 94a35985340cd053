import { z } from 'zod'
import { sealingKeyStates } from '#kernel/secrets/states.ts'

const time = z.iso.datetime()

export const SealingKey = z
  .strictObject({
    id: z.string().meta({ description: '16 hexadecimal digits that follow from the key' }),
    status: z.enum(sealingKeyStates.names),
    source: z.enum(['file', 'kms']),
    createdAt: time,
    activatedAt: time.optional(),
    retiringAt: time.optional(),
    records: z
      .record(z.string(), z.number().int())
      .meta({ description: 'How many records are sealed with it, by table and column' }),
  })
  .meta({ id: 'SealingKey' })
export type SealingKey = z.output<typeof SealingKey>

export const SealingKeyList = z.strictObject({ items: z.array(SealingKey) })
