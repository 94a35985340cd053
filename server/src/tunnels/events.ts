import { z } from 'zod'
import { defineEvent, personal } from '#kernel/events.ts'

const tunnel = { id: z.string(), name: z.string() }

export const created = defineEvent(
  'tunnel.created',
  'A tunnel was created; its name belongs to the account from now on.',
  z.object({ ...tunnel, kind: z.string(), port: z.number().optional() }),
)

export const updated = defineEvent(
  'tunnel.updated',
  'Something of a tunnel was changed: `changed` names it.',
  z.object({ ...tunnel, changed: z.array(z.string()) }),
)

export const started = defineEvent(
  'tunnel.started',
  'A tunnel that was stopped may be held open again.',
  z.object(tunnel),
)

export const stopped = defineEvent(
  'tunnel.stopped',
  'A tunnel was stopped: it serves nobody and no agent may hold it open.',
  z.object(tunnel),
)

export const suspended = defineEvent(
  'tunnel.suspended',
  'The operator has suspended a tunnel: it serves nobody until that is lifted.',
  z.object({ ...tunnel, reason: z.string() }),
)

export const suspensionLifted = defineEvent(
  'tunnel.suspension_lifted',
  'A tunnel is suspended no more: it serves if its account has it started.',
  z.object(tunnel),
)

export const deleted = defineEvent(
  'tunnel.deleted',
  'A tunnel was deleted; its name stays with the account.',
  z.object({ ...tunnel, reason: z.string() }),
)

export const connecting = defineEvent(
  'tunnel.connecting',
  'An agent has come for a tunnel, and is about to link.',
  z.object({ ...tunnel, agent: z.string(), epoch: z.number() }),
)

export const connected = defineEvent(
  'tunnel.connected',
  'An agent holds a tunnel open: visitors are served.',
  z.object({ ...tunnel, agent: z.string().optional(), relayId: z.string().optional() }),
)

export const disconnected = defineEvent(
  'tunnel.disconnected',
  'Nobody holds a tunnel open any more: visitors are told so.',
  z.object({ ...tunnel, reason: z.string() }),
)

export const failed = defineEvent(
  'tunnel.error',
  'A tunnel cannot have what it needs.',
  z.object({ ...tunnel, message: z.string() }),
  { result: 'failed' },
)

const endpoint = { ...tunnel, endpointId: z.string(), url: z.string() }

export const endpointHealthy = defineEvent(
  'tunnel.endpoint_healthy',
  'The service behind an endpoint of a tunnel is well again.',
  z.object(endpoint),
)

export const endpointUnhealthy = defineEvent(
  'tunnel.endpoint_unhealthy',
  'The service behind an endpoint of a tunnel does not answer as it should.',
  z.object({ ...endpoint, message: z.string().optional() }),
  { result: 'failed' },
)

const share = { ...tunnel, shareId: z.string(), kind: z.string() }

export const shared = defineEvent(
  'tunnel.shared',
  'A tunnel was shared with somebody, or got a token or a link that lets visitors in.',
  z.object({
    ...{ ...share, permission: z.string(), userId: z.string().optional() },
    accountId: z.string().optional(),
    email: personal(z.string()).optional(),
    expiresAt: z.iso.datetime().optional(),
  }),
)

export const shareRevoked = defineEvent(
  'tunnel.share_revoked',
  'A share of a tunnel was revoked: what it had let in was cut off.',
  z.object(share),
)

const domain = { ...tunnel, domainId: z.string(), hostname: z.string() }

export const domainClaimed = defineEvent(
  'tunnel.domain_claimed',
  'A domain was claimed for a tunnel; it is served once it is proven.',
  z.object(domain),
)

export const domainVerified = defineEvent(
  'tunnel.domain_verified',
  'A domain was proven and leads to a tunnel.',
  z.object(domain),
)

export const domainLost = defineEvent(
  'tunnel.domain_lost',
  'A domain does not lead to a tunnel any more: its proof has gone from the DNS.',
  z.object({ ...domain, reason: z.string() }),
  { result: 'failed' },
)

export const domainRemoved = defineEvent(
  'tunnel.domain_removed',
  'A domain was taken from a tunnel.',
  z.object(domain),
)

export const published = [
  ...[created, updated, started, stopped, deleted, connecting, connected, disconnected, failed],
  ...[suspended, suspensionLifted, endpointHealthy, endpointUnhealthy, shared, shareRevoked],
  ...[domainClaimed, domainVerified, domainLost, domainRemoved],
]
