import { z } from 'zod'
import { defineEvent } from '#kernel/events.ts'

const about = { target: 'userId' } as const
const ids = { userId: z.string(), exportId: z.string() }

export const exportRequested = defineEvent(
  'user.export_requested',
  'A person asked for a copy of what is kept about them.',
  z.object(ids),
  about,
)

export const exportReady = defineEvent(
  'user.export_ready',
  'The copy of what is kept about a person is ready for them.',
  z.object({ ...ids, bytes: z.int() }),
  about,
)

export const exportDownloaded = defineEvent(
  'user.export_downloaded',
  'A person got an address to download the copy of what is kept about them.',
  z.object(ids),
  about,
)

export const exportEvents = [exportRequested, exportReady, exportDownloaded]
