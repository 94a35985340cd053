import { z } from 'zod'
import { isAddressRange } from '#kernel/address-ranges.ts'
import { idPattern } from '#kernel/ids.ts'

/** What a block closes: everything, or the routes that sign people in. */
export const scopes = ['everything', 'sign_in'] as const
export type Scope = (typeof scopes)[number]

const MAX_RANGES = 200

const Range = z
  .string()
  .max(64)
  .refine(isAddressRange, 'must be an address or a range such as 203.0.113.0/24')
  .meta({ description: 'An address or a range, of IPv4 or IPv6' })

const Description = z
  .string()
  .trim()
  .max(200)
  .default('')
  .meta({ description: 'Whose address it is' })

const GivenRange = z.strictObject({ range: Range, description: Description })

export const AllowlistChange = z
  .strictObject({
    ranges: z
      .array(GivenRange)
      .max(MAX_RANGES)
      .refine(
        (given) => new Set(given.map(({ range }) => range)).size === given.length,
        'must not name a range twice',
      )
      .meta({ description: 'All of them; none opens the admin API to every address' }),
  })
  .meta({ id: 'AllowlistChange' })
export type AllowlistChange = z.output<typeof AllowlistChange>

export const Allowlist = z
  .strictObject({
    ranges: z.array(
      z.strictObject({
        range: z.string(),
        description: z.string(),
        addedBy: z.string().meta({ description: 'Id of a user' }),
        addedAt: z.iso.datetime(),
      }),
    ),
    configured: z.array(z.string()).meta({
      description:
        '`ADMIN_ALLOWLIST` of this process: allowed beside the ranges, and never blocked',
    }),
    yourAddress: z.string().meta({ description: 'Where this request came from' }),
  })
  .meta({ id: 'Allowlist' })
export type Allowlist = z.output<typeof Allowlist>

export const BlockId = z
  .string()
  .regex(idPattern('blk'), 'must be the id of a block such as blk_06ax…')

export const CreateBlock = z
  .strictObject({
    range: Range,
    scope: z.enum(scopes).default('everything').meta({
      description: '`sign_in` closes what signs people in and leaves them what they have',
    }),
    reason: z.string().trim().min(1).max(200),
    expiresAt: z.iso
      .datetime({ offset: true })
      .optional()
      .meta({ description: 'When it ends; without it, it stays until it is lifted' }),
  })
  .meta({ id: 'CreateBlock' })
export type CreateBlock = z.output<typeof CreateBlock>

export const Block = z
  .strictObject({
    id: BlockId,
    range: z.string(),
    scope: z.enum(scopes),
    reason: z.string(),
    expiresAt: z.iso.datetime().nullable(),
    createdBy: z.string().meta({ description: 'Id of a user' }),
    createdAt: z.iso.datetime(),
  })
  .meta({ id: 'Block' })
export type Block = z.output<typeof Block>
