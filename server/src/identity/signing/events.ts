import { z } from 'zod'
import { defineEvent } from '#kernel/events.ts'

export const published = defineEvent(
  'signing_key.published',
  'A key that is to sign tokens stands in the key set.',
  z.object({ kid: z.string(), activatesAt: z.iso.datetime() }),
)

export const activated = defineEvent(
  'signing_key.activated',
  'A published key signs tokens from now on.',
  z.object({ kid: z.string() }),
)

export const retired = defineEvent(
  'signing_key.retired',
  'A key signs no more; it verifies until its last token is over.',
  z.object({ kid: z.string() }),
)

export const dropped = defineEvent(
  'signing_key.dropped',
  'Keys were given up at once for a new one, with every access token so far.',
  z.object({ kids: z.array(z.string()), activeKid: z.string() }),
)

export const signingEvents = [published, activated, retired, dropped]
