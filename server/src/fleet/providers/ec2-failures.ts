import { type FailureReason, ProviderFailure } from './provider.ts'

/** Other types or subnets may have what this one lacks. */
const CAPACITY = new Set([
  'InsufficientInstanceCapacity',
  'InsufficientHostCapacity',
  'InsufficientReservedInstanceCapacity',
  'InsufficientFreeAddressesInSubnet',
  'InsufficientCapacityOnHost',
  'InstanceLimitExceeded',
  'VcpuLimitExceeded',
  'MaxSpotInstanceCountExceeded',
  'SpotMaxPriceTooLow',
  'Unsupported',
  'UnfulfillableCapacity',
])

const THROTTLED = new Set([
  'RequestLimitExceeded',
  'Throttling',
  'ThrottlingException',
  'ThrottledException',
  'RequestThrottled',
  'RequestThrottledException',
  'EC2ThrottledException',
  'TooManyRequestsException',
  'BandwidthLimitExceeded',
  'SlowDown',
])

const GONE = new Set(['InvalidInstanceID.NotFound', 'InvalidInstanceID.Malformed'])

interface Facts {
  name?: string
  message?: string
  $metadata?: { httpStatusCode?: number }
}

export function failureOf(error: unknown): ProviderFailure {
  if (error instanceof ProviderFailure) return error
  const { name = 'Error', message = '' } = error as Facts
  return new ProviderFailure(reasonOf(error as Facts), `EC2: ${name}: ${short(message)}`, error)
}

export function isGone(error: unknown): boolean {
  return GONE.has((error as Facts | undefined)?.name ?? '')
}

function reasonOf({ name = '', $metadata }: Facts): FailureReason {
  const status = $metadata?.httpStatusCode
  if (CAPACITY.has(name)) return 'capacity'
  if (THROTTLED.has(name) || status === 429 || status === 503) return 'throttled'
  // Without a status no answer came, or none in time; but the SDK does not send what it has no credentials for.
  if (name === 'CredentialsProviderError') return 'refused'
  return status === undefined || status >= 500 || status < 400 ? 'unavailable' : 'refused'
}

/** The messages of EC2 name what was wrong, and at times hold a long encoded text. */
function short(message: string): string {
  return message.replace(/Encoded authorization failure message: \S+/, '').slice(0, 300)
}
