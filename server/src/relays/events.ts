import { z } from 'zod'
import { defineEvent } from '#kernel/events.ts'
import { DRAIN_REASONS, PROVIDERS } from './states.ts'

const relay = z.object({ id: z.string(), provider: z.enum(PROVIDERS) })

export const started = defineEvent('relay.started', 'A relay was asked for', relay)

export const joined = defineEvent('relay.joined', 'A relay has come and takes links', relay)

export const draining = defineEvent(
  'relay.draining',
  'A relay takes no new links; its agents go to others',
  relay.extend({ reason: z.enum(DRAIN_REASONS) }),
)

export const undrained = defineEvent('relay.undrained', 'A relay takes links again', relay)

export const stopped = defineEvent(
  'relay.stopped',
  'A relay has left in order, or was ended',
  relay,
)

export const gone = defineEvent(
  'relay.gone',
  'A relay was silent for 30 seconds; its links are lost',
  relay,
  { result: 'failed' },
)

export const returned = defineEvent('relay.returned', 'A relay that was gone beats again', relay)

export const failed = defineEvent(
  'relay.error',
  'A relay could not be started, or its process has ended',
  relay.extend({ message: z.string() }),
  { result: 'failed' },
)

export const configured = defineEvent(
  'relay.configured',
  'The configuration of a relay was changed',
  relay.extend({ before: z.unknown(), after: z.unknown() }),
)

export const scaled = defineEvent(
  'relay.scaled',
  'Relays were started or drained, for what the others carry',
  z.object({
    id: z.string().meta({ description: 'The relay that comes or goes' }),
    direction: z.enum(['out', 'in']),
    reason: z.string(),
  }),
)

export const scalingChanged = defineEvent(
  'relay.scaling_changed',
  'The rules by which relays are started and drained were changed',
  z.object({ what: z.string(), version: z.int(), before: z.unknown(), after: z.unknown() }),
  { target: 'what' },
)

export const published = [
  ...[started, joined, draining, undrained, stopped, gone, returned, failed],
  ...[configured, scaled, scalingChanged],
]
