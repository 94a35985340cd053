import type { Context } from './context.ts'
import type { Check } from './health.ts'
import type { EventKind, Reader } from './events.ts'
import type { JobKind } from './jobs.ts'
import type { PersonalRecords } from './personal-records.ts'
import type { ProblemFactory } from './problem.ts'
import type { AnyRoute } from './http/route.ts'
import type { AnySocket } from './sockets.ts'
import type { Flag, Setting } from './runtime-settings.ts'
import type { SealedColumn } from './secrets/sealed-column.ts'

/** What one capability adds to the product: plain data that the kernel serves, runs and documents. */
export interface Capability {
  /** The noun that a customer would use; the folder's name too. */
  readonly name: string
  /** One sentence for the API document. */
  readonly summary: string
  /** What a role may be granted, with a sentence each. */
  readonly permissions?: Readonly<Record<string, string>>
  /** What an account may have only so much of, by `noun.unit`. */
  readonly quotas?: Readonly<Record<string, Quota>>
  readonly routes?: readonly AnyRoute[]
  readonly sockets?: readonly AnySocket[]
  readonly jobs?: readonly JobKind[]
  readonly publishes?: readonly EventKind[]
  readonly reacts?: readonly Reader[]
  readonly checks?: readonly Check[]
  /** Every way in which it may refuse; the error catalogue is made from this. */
  readonly problems?: Readonly<Record<string, ProblemFactory>>
  readonly settings?: readonly Setting[]
  readonly flags?: readonly Flag[]
  /** Every column that holds sealed records, so that they follow when the sealing key changes. */
  readonly sealed?: readonly SealedColumn[]
  /** What it keeps about people: its part of an export, and how that is erased. */
  readonly personal?: PersonalRecords
}

export interface Quota {
  readonly unit: string
  readonly what: string
  /** Of the account that the context acts for, as things are now. */
  of(ctx: Context): Promise<QuotaState>
}

export interface QuotaState {
  used: number
  /** Undefined when there is none. */
  limit: number | undefined
  /** When what was used counts no more; undefined for what is given back by ending it. */
  resetsAt?: Date
}

const NAME = /^[a-z][a-z0-9]*$/

/** Checks that names are the capability's own. @throws Error that names the first one that is not. */
export function defineCapability<const C extends Capability>(capability: C): C {
  const { name } = capability
  if (!NAME.test(name)) throw new Error(`capability name '${name}' is not a lower-case word`)
  for (const permission of Object.keys(capability.permissions ?? {})) {
    if (!/^[a-z]+\.[a-z]+(-[a-z]+)*$/.test(permission)) {
      throw new Error(`permission '${permission}' of ${name} is not of the form noun.verb`)
    }
  }
  for (const job of capability.jobs ?? []) {
    if (!job.name.startsWith(`${name}.`)) throw new Error(`job '${job.name}' is not of ${name}`)
  }
  return capability
}

/** All capabilities of a process. @throws Error when two of them claim one name, permission, job, event, route or problem code. */
export function checkManifest(capabilities: readonly Capability[]): void {
  unique('capability', capabilities, (c) => [c.name])
  unique('permission', capabilities, (c) => Object.keys(c.permissions ?? {}))
  unique('job', capabilities, (c) => (c.jobs ?? []).map((job) => job.name))
  unique('event', capabilities, (c) => (c.publishes ?? []).map((kind) => kind.name))
  unique('reader', capabilities, (c) => (c.reacts ?? []).map((reader) => reader.name))
  unique('check', capabilities, (c) => (c.checks ?? []).map((check) => check.name))
  unique('route', capabilities, (c) => (c.routes ?? []).map((r) => `${r.method} ${r.path}`))
  unique('quota', capabilities, (c) => Object.keys(c.quotas ?? {}))
  unique('list of an export', capabilities, (c) => Object.keys(c.personal?.lists ?? {}))
  unique('problem', capabilities, (c) =>
    Object.values(c.problems ?? {}).map((problem) => problem.kind.code),
  )
  const known = new Set(capabilities.flatMap((c) => Object.keys(c.permissions ?? {})))
  for (const route of capabilities.flatMap((c) => c.routes ?? [])) {
    if (typeof route.access === 'string' && !known.has(route.access)) {
      throw new Error(
        `${route.method} ${route.path} asks for '${route.access}', which no capability defines`,
      )
    }
  }
}

function unique(
  what: string,
  capabilities: readonly Capability[],
  namesOf: (capability: Capability) => string[],
): void {
  const owners = new Map<string, string>()
  for (const capability of capabilities) {
    for (const name of namesOf(capability)) {
      const owner = owners.get(name)
      if (owner)
        throw new Error(`${what} '${name}' is defined by ${owner} and by ${capability.name}`)
      owners.set(name, capability.name)
    }
  }
}
