import { isTest, type Source, type Violation } from './source.ts'

/**
 * Where a file belongs: `kernel`, `app` (the files that put the product together, with their folders `parts` and `roles`), `test`, a
 * capability by name, or one of the other workspaces.
 */
type Zone = string

const OUTSIDE = ['sdk', 'cli', 'console', 'scripts'] as const

/** Of what the product is put together, and what a process does with it. */
const PARTS = 'server/src/parts/'
const ROLES = 'server/src/roles/'

const SDK_ENTRIES = ['sdk/src/index.ts', 'sdk/src/tunnels/index.ts']

function zoneOf(path: string): Zone {
  const [top, , folder, ...inside] = path.split('/')
  if (OUTSIDE.includes(top as never)) return `${top} workspace`
  if (top !== 'server' || folder === undefined) return 'test'
  if (path.startsWith(PARTS) || path.startsWith(ROLES)) return 'app'
  return inside.length > 0 ? folder : 'app'
}

/** Imports point one way, from the capabilities to the kernel, and into another capability only by its `index.ts`. */
export function checkImports(sources: readonly Source[]): Violation[] {
  return sources.flatMap((source) =>
    source.imports.flatMap(({ file, line }) => {
      const message = file && refuse(source.path, file)
      return message ? [{ path: source.path, line, message }] : []
    }),
  )
}

function refuse(from: string, to: string): string | undefined {
  const [zone, target] = [zoneOf(from), zoneOf(to)]
  if (zone === 'scripts workspace') return undefined
  if (zone.endsWith(' workspace') && zone !== target) return refuseOutside(from, zone, to)
  if (isTest(to) && !isTest(from)) return `product code imports ${to}, which is for tests`
  if (from.startsWith(PARTS) && to.startsWith(ROLES)) {
    return `parts import ${to}: roles are made of parts, not the other way round`
  }
  if (zone === target || target === 'test') return undefined
  if (target.endsWith(' workspace')) {
    return isTest(from) ? undefined : `the server imports ${to} of another workspace`
  }
  if (target === 'kernel') return undefined
  if (zone === 'kernel') return `the kernel imports ${to}: it knows nothing above it`
  if (target === 'app') {
    return isTest(from) || zone === 'app'
      ? undefined
      : `a capability imports ${to}, which is above it`
  }
  // What is measured is often a part that nobody else needs to see.
  if (/^server\/(bench|soak)\//.test(from)) return undefined
  // What a process needs that hosts a relay: by itself, so that a relay alone loads nothing of the control plane.
  if (zone === 'app' && to === 'server/src/relays/host.ts') return undefined
  if (to !== `server/src/${target}/index.ts`) {
    return `imports ${to}: of another capability, only #${target}/index.ts`
  }
  return undefined
}

function refuseOutside(from: string, zone: Zone, to: string): string | undefined {
  const isEntry =
    /^server\/src\/[^/]+$/.test(to) ||
    (from.startsWith('cli/bin/') && to.startsWith('scripts/lib/'))
  if (isTest(from) || SDK_ENTRIES.includes(to)) return undefined
  if (zone === 'cli workspace' && isEntry) return undefined
  return `the ${zone} imports ${to}; it may use the SDK${zone.startsWith('cli') ? ' and the entry files of the server' : ''}`
}

/** Two capabilities that need each other are one, or lack an event between them. */
export function checkCycles(sources: readonly Source[]): Violation[] {
  const edges = new Map<Zone, Map<Zone, { path: string; line: number }>>()
  for (const { path, imports } of sources) {
    if (isTest(path) || !isCapability(path)) continue
    for (const { file, line } of imports) {
      if (!file || !isCapability(file) || zoneOf(file) === zoneOf(path)) continue
      const targets = edges.get(zoneOf(path)) ?? new Map()
      if (!targets.has(zoneOf(file))) targets.set(zoneOf(file), { path, line })
      edges.set(zoneOf(path), targets)
    }
  }
  return [...edges].flatMap(([from, targets]) =>
    [...targets].flatMap(([to, place]) => {
      const back = pathBetween(edges, to, from)
      return back ? [{ ...place, message: `a cycle: ${[from, ...back].join(' → ')}` }] : []
    }),
  )
}

function isCapability(path: string): boolean {
  const zone = zoneOf(path)
  return !['kernel', 'app', 'test'].includes(zone) && !zone.endsWith(' workspace')
}

/** The shortest way from one capability to another, both included. */
function pathBetween(
  edges: ReadonlyMap<Zone, ReadonlyMap<Zone, unknown>>,
  from: Zone,
  to: Zone,
): Zone[] | undefined {
  const ways: Zone[][] = [[from]]
  const seen = new Set([from])
  for (const way of ways) {
    const last = way.at(-1)!
    if (last === to) return way
    for (const next of edges.get(last)?.keys() ?? []) {
      if (!seen.has(next)) ways.push([...way, next])
      seen.add(next)
    }
  }
  return undefined
}

/** A helper lives with its one user or in the kernel, under the name of what it does. */
export function checkNames(sources: readonly Source[]): Violation[] {
  return sources
    .filter(({ path }) => /(^|\/)(utils?|helpers?|common|misc)(\/|\.\w+$)/.test(path))
    .map(({ path }) => ({
      path,
      line: 1,
      message: 'a name that says nothing: call it by what it does',
    }))
}
