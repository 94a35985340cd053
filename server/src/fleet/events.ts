import { z } from 'zod'
import { defineEvent } from '#kernel/events.ts'
import { PROVIDERS } from './providers/provider.ts'
import { DRAIN_REASONS } from './states.ts'

const id = z.string()
const provider = z.enum(PROVIDERS)
const machine = z.object({ id, provider, instanceId: z.string().optional() })

export const requested = defineEvent(
  'instance.requested',
  'A machine was asked for, by the pool or by a person',
  z.object({ id, provider, purpose: z.enum(['pool', 'manual', 'relay']) }),
)

export const launched = defineEvent('instance.launched', 'The provider has made a machine', machine)

export const adopted = defineEvent(
  'instance.adopted',
  'A machine that carries our tag, or joined by itself, was taken into the fleet',
  machine,
)

export const restarted = defineEvent('instance.restarted', 'A machine is restarted', machine)

export const stopping = defineEvent(
  'instance.stopping',
  'A machine is about to be terminated',
  z.object({ id, provider, reason: z.string() }),
)

export const terminated = defineEvent('instance.terminated', 'A machine is no more', machine)

export const failed = defineEvent(
  'instance.error',
  'A machine could not be launched, or broke',
  z.object({ id, provider, message: z.string() }),
  { result: 'failed' },
)

const node = z.object({ id, instanceId: z.string() })

export const nodeJoined = defineEvent('node.joined', 'A node has joined', node)

export const nodeGone = defineEvent(
  'node.gone',
  'A node was silent for 30 seconds; its sessions are lost',
  node,
)

export const nodeLeft = defineEvent('node.left', 'A node has left in order', node)

export const nodeReturned = defineEvent('node.returned', 'A node that was gone beats again', node)

export const nodeDraining = defineEvent(
  'node.draining',
  'A node takes no new sessions',
  z.object({ id, instanceId: z.string(), reason: z.enum(DRAIN_REASONS) }),
)

export const nodeUndrained = defineEvent('node.undrained', 'A node takes new sessions again', node)

export const poolChanged = defineEvent(
  'pool.changed',
  'The settings of the pool were changed',
  z.object({ version: z.int(), before: z.unknown(), after: z.unknown() }),
)

export const published = [
  ...[requested, launched, adopted, restarted, stopping, terminated, failed],
  ...[nodeJoined, nodeGone, nodeLeft, nodeReturned, nodeDraining, nodeUndrained, poolChanged],
]
