import { z } from 'zod'
import { isAddressRange } from '#kernel/address-ranges.ts'
import { pageOf } from '#kernel/http/cursor.ts'
import { PersonName } from '../settings.ts'
import { modes } from './format.ts'
import { statuses } from './life.ts'

const MAX_OVERLAP_SECONDS = 7 * 24 * 60 * 60
const DEFAULT_OVERLAP_SECONDS = 24 * 60 * 60
const MAX_SCOPES = 50
const MAX_RANGES = 50

export const KeyId = z
  .string()
  .regex(/^key_[0-9a-z]{26}$/, 'must be the id of a key such as key_06ax…')
  .meta({ description: 'Id of an API key' })

const Scope = z
  .string()
  .max(64)
  .regex(
    /^[a-z]+\.([a-z]+(-[a-z]+)*|\*)$/,
    'must be a permission like sessions.read, or sessions.*',
  )

const Scopes = z
  .array(Scope)
  .min(1)
  .max(MAX_SCOPES)
  .refine((scopes) => new Set(scopes).size === scopes.length, 'must not name a scope twice')
  .meta({
    description:
      'Permissions that the key has, as far as whoever made it holds them: `GET /v1/roles`',
    examples: [['sessions.*']],
  })

const AddressRange = z
  .string()
  .max(64)
  .refine(isAddressRange, 'must be an address or a range such as 203.0.113.0/24')

const ExpiresAt = z.iso
  .datetime({ offset: true })
  .meta({ description: 'When it ends; 5 years ahead at most' })

export const CreateApiKey = z
  .strictObject({
    name: PersonName.meta({ description: 'What it is for', examples: ['nightly price check'] }),
    mode: z
      .enum(modes)
      .default('live')
      .meta({ description: 'What is done with test keys is not billed' }),
    scopes: Scopes,
    expiresAt: ExpiresAt.optional().meta({
      description: 'When it ends; 5 years ahead at most, 90 days unless given',
    }),
    allowedAddresses: z
      .array(AddressRange)
      .max(MAX_RANGES)
      .default([])
      .meta({ description: 'Addresses and ranges that it counts from; anywhere when empty' }),
  })
  .meta({ id: 'CreateApiKey' })
export type CreateApiKey = z.output<typeof CreateApiKey>

export const RotateApiKey = z
  .strictObject({
    overlapSeconds: z.int().min(0).max(MAX_OVERLAP_SECONDS).default(DEFAULT_OVERLAP_SECONDS).meta({
      description: 'So long the old key still counts: 24 hours unless given, 7 days at most',
    }),
    expiresAt: ExpiresAt.optional().meta({
      description:
        'When the new key ends; it lives as long as the old one was made to unless given',
    }),
  })
  .meta({ id: 'RotateApiKey' })
export type RotateApiKey = z.output<typeof RotateApiKey>

export const ApiKey = z
  .strictObject({
    id: KeyId,
    accountId: z.string(),
    name: z.string(),
    mode: z.enum(modes),
    prefix: z.string().meta({ description: 'The first 12 characters of the key' }),
    scopes: z.array(z.string()),
    allowedAddresses: z.array(z.string()),
    status: z.enum(statuses).meta({
      description: '`rotated`: it has a successor, and counts until `overlapEndsAt`',
    }),
    createdBy: z.string().meta({ description: 'The user in whose name it acts' }),
    createdAt: z.iso.datetime(),
    expiresAt: z.iso.datetime(),
    lastUsedAt: z.iso.datetime().optional().meta({ description: 'Up to a minute behind' }),
    lastUsedIp: z.string().optional(),
    revokedAt: z.iso.datetime().optional(),
    replacedBy: KeyId.optional(),
    overlapEndsAt: z.iso.datetime().optional(),
  })
  .meta({ id: 'ApiKey' })
export type ApiKey = z.output<typeof ApiKey>

export const NewApiKey = ApiKey.extend({
  key: z.string().meta({ description: 'Shown this once; goes into `Authorization: Bearer …`' }),
}).meta({ id: 'NewApiKey' })
export type NewApiKey = z.output<typeof NewApiKey>

export const ApiKeyPage = pageOf(ApiKey).meta({ id: 'ApiKeyPage' })
