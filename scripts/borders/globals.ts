import { isTest, type Source, type Violation, visit } from './source.ts'

/** What product code gets handed instead of reaching for it, and the few files that hand it out. */
const GLOBALS = {
  environment: {
    message: 'reads the environment: take the value from the configuration',
    allowed: ['server/src/environment.ts', 'cli/', 'sdk/'],
  },
  time: {
    message: 'reads the clock: take `ctx.clock`, so that tests can set the time',
    allowed: ['server/src/kernel/clock.ts', 'cli/', 'sdk/'],
  },
  network: {
    message: 'calls out by itself: take the guarded fetch of the kernel',
    allowed: [
      'server/src/kernel/fetch',
      'server/src/kernel/pinned.ts',
      // The DevTools endpoint of a browser that this machine has launched, on loopback.
      'server/src/browsers/driver/',
      'server/src/browsers/live/',
      'server/src/browsers/watch/',
      // A node and its API, each known to the other by a certificate or a credential.
      'server/src/browsers/node/',
      'server/src/roles/control-plane.ts',
      'server/src/kernel/api-client.ts',
      'cli/',
      'sdk/',
    ],
  },
} as const

type Global = keyof typeof GLOBALS

export function checkGlobals(sources: readonly Source[]): Violation[] {
  return sources
    .filter(({ path }) => !isTest(path))
    .flatMap((source) =>
      findGlobals(source)
        .filter(({ what }) => !GLOBALS[what].allowed.some((file) => source.path.startsWith(file)))
        .map(({ what, line }) => ({ path: source.path, line, message: GLOBALS[what].message })),
    )
}

function findGlobals(source: Source): { what: Global; line: number }[] {
  const found: { what: Global; line: number }[] = []
  let hasOwnFetch = false
  const add = (what: Global, { start }: { start: number }) =>
    found.push({ what, line: source.lineOf(start) })

  for (const { specifier, line } of source.imports) {
    if (specifier === 'undici') found.push({ what: 'network', line })
  }
  visit(source, {
    ImportSpecifier: (node) => {
      if (node.local.name === 'fetch') hasOwnFetch = true
    },
    FunctionDeclaration: (node) => {
      if (node.id?.name === 'fetch') hasOwnFetch = true
    },
    VariableDeclarator: ({ id, init }) => {
      if (id.type === 'Identifier' && id.name === 'fetch') hasOwnFetch = true
      if (id.type !== 'ObjectPattern' || init?.type !== 'Identifier') return
      const names = id.properties.map((property) => 'key' in property && nameOf(property.key))
      if (init.name === 'process' && names.includes('env')) add('environment', id)
    },
    MemberExpression: (node) => {
      const name = `${nameOf(node.object)}.${nameOf(node.property)}`
      if (name === 'process.env') add('environment', node)
      if (name === 'Date.now') add('time', node)
      if (name === 'globalThis.fetch') add('network', node)
    },
    NewExpression: (node) => {
      if (nameOf(node.callee) === 'Date' && node.arguments.length === 0) add('time', node)
    },
    CallExpression: (node) => {
      if (nameOf(node.callee) === 'Date') add('time', node)
      if (nameOf(node.callee) === 'fetch' && !hasOwnFetch) add('network', node)
    },
  })
  return found
}

function nameOf(node: { type: string; name?: unknown }): string {
  return node.type === 'Identifier' ? String(node.name) : ''
}
