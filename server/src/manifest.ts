import { access } from '#access/index.ts'
import { addresses, type AddressLists } from '#addresses/index.ts'
import { alerts } from '#alerts/index.ts'
import { audit, type AuditParts } from '#audit/index.ts'
import { browsers, type BrowserRuntime } from '#browsers/index.ts'
import { fleet, type FleetParts } from '#fleet/index.ts'
import { identity, type IdentityParts, superAdminAddresses } from '#identity/index.ts'
import { type Capability, checkManifest } from '#kernel/capability.ts'
import { openApiDocument } from '#kernel/http/openapi.ts'
import type { ObjectStore } from '#kernel/storage/store.ts'
import { notifications, type NotificationsParts } from '#notifications/index.ts'
import { operations, type OperationsParts } from '#operations/index.ts'
import { platform, type PlatformParts } from '#platform/index.ts'
import { relays, type RelaysParts } from '#relays/index.ts'
import { secrets, type SecretsParts } from '#secrets/index.ts'
import { settings, type SettingsParts } from '#settings/index.ts'
import { type TunnelParts, tunnels } from '#tunnels/index.ts'
import { usage } from '#usage/index.ts'
import { VERSION } from './version.ts'

/** What the capabilities of a running process work with; each is asked for when a request needs it. */
export interface Parts {
  identity(): IdentityParts
  addresses(): AddressLists
  fleet(): FleetParts
  platform(): PlatformParts
  operations(): OperationsParts
  notifications(): NotificationsParts
  audit(): AuditParts
  settings(): SettingsParts
  secrets(): SecretsParts
  tunnels(): TunnelParts
  relays(): RelaysParts
  /** Undefined in a process that hosts no browsers. */
  browsers(): BrowserRuntime | undefined
  store(): ObjectStore
}

/** The whole wiring: every capability of the product. */
export function manifest(parts: Parts): Capability[] {
  const capabilities: Capability[] = [
    identity(parts.identity),
    access,
    addresses(parts.addresses),
    browsers(parts.browsers, parts.store),
    fleet(parts.fleet),
    tunnels(parts.tunnels),
    relays(parts.relays),
    usage(() => capabilities),
    notifications(parts.notifications),
    settings(parts.settings),
    secrets(parts.secrets),
    operations(parts.operations),
    audit(parts.audit),
    alerts(() => ({ superAdmins: superAdminAddresses })),
    platform(parts.platform),
  ]
  checkManifest(capabilities)
  return capabilities
}

/** The manifest of a process that serves nobody: for documents and checks. */
export function plainManifest(): Capability[] {
  const none = () => {
    throw new Error('this manifest serves nobody')
  }
  return manifest({
    identity: none,
    addresses: none,
    fleet: none,
    platform: none,
    operations: none,
    notifications: none,
    audit: none,
    settings: none,
    secrets: none,
    tunnels: none,
    relays: none,
    browsers: none,
    store: none,
  })
}

export function document(capabilities = plainManifest()) {
  return openApiDocument(capabilities, {
    title: 'Gantry',
    version: VERSION,
    description:
      'A self-hosted browser cloud: real Chromium browsers over REST. Paths without a version are version 1 for ever.',
  })
}
