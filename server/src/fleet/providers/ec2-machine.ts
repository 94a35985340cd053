import type { Instance } from '@aws-sdk/client-ec2'
import type { Machine } from './provider.ts'

const STATES: Record<string, Machine['state']> = {
  pending: 'pending',
  running: 'running',
  stopping: 'stopping',
  // Somebody has halted it: it serves nobody, and only ends or starts when told.
  stopped: 'stopping',
  'shutting-down': 'gone',
  terminated: 'gone',
}

/** EC2's words in ours. */
export function machineOf(instance: Instance, region: string): Machine {
  const tags = Object.fromEntries(
    (instance.Tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value]),
  )
  const providerStatus = instance.State?.Name ?? 'pending'
  return {
    ...{ tags, region, providerStatus, providerId: instance.InstanceId! },
    state: STATES[providerStatus] ?? 'pending',
    spot: instance.InstanceLifecycle === 'spot',
    ...named('instanceId', tags['gantry:instance']),
    ...named('purpose', tags['gantry:purpose']),
    ...named('instanceType', instance.InstanceType),
    ...named('publicDnsName', instance.PublicDnsName),
    ...named('publicIpAddress', instance.PublicIpAddress),
    ...named('privateIpAddress', instance.PrivateIpAddress),
    ...(instance.LaunchTime && { launchedAt: instance.LaunchTime }),
  }
}

/** EC2 gives an empty text for what a machine does not have. */
function named(name: string, value: string | undefined) {
  return value ? { [name]: value } : {}
}
