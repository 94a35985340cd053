import { parseSync, type Program, Visitor } from 'oxc-parser'

/** One parsed source file. */
export interface Source {
  /** From the root of the repository: `server/src/tunnels/service.ts`. */
  readonly path: string
  readonly imports: readonly Import[]
  readonly program: Program
  /** The line, from 1, that an offset of the program lies in. */
  lineOf(offset: number): number
}

interface Import {
  /** As written. */
  readonly specifier: string
  readonly line: number
  /** The path of the imported file; absent for a package. */
  readonly file?: string
}

export interface Violation {
  readonly path: string
  readonly line: number
  readonly message: string
}

export type VisitorObject = ConstructorParameters<typeof Visitor>[0]

/** @throws Error when the file cannot be parsed */
export function parseSource(path: string, text: string): Source {
  const { program, module, errors } = parseSync(path, text)
  if (errors.length > 0) throw new Error(`${path} cannot be parsed: ${errors[0]!.message}`)
  const lineOf = (offset: number) => text.slice(0, offset).split('\n').length
  const requests = [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest),
    ...module.staticExports.flatMap(({ entries }) => entries[0]?.moduleRequest ?? []),
    ...module.dynamicImports.map(({ moduleRequest }) => moduleRequest),
  ]
  const imports = requests.flatMap(({ start, end }) => {
    const specifier = /^(['"`])(.*)\1$/s.exec(text.slice(start, end))?.[2]
    if (specifier === undefined) return []
    return [{ specifier, line: lineOf(start), ...resolve(path, specifier) }]
  })
  return { path, imports, program, lineOf }
}

export function visit(source: Source, visitor: VisitorObject): void {
  new Visitor(visitor).visit(source.program)
}

/** Files that only tests load, and the tools beside the product. */
export function isTest(path: string): boolean {
  return /\.(test|soak|bench)\.ts$|\/test(-[\w-]+)?\.ts$|\/([\w-]+-)?fixture(-[\w-]+)?\.ts$|\/test\/|^server\/(?!src\/)|^scripts\//.test(
    path,
  )
}

function resolve(from: string, specifier: string): { file?: string } {
  if (specifier.startsWith('.')) {
    return { file: new URL(specifier, `file:///${from}`).pathname.slice(1) }
  }
  if (specifier.startsWith('#')) return { file: `server/src/${specifier.slice(1)}` }
  const [, workspace, inside] = /^@gantry\/(\w+)(?:\/(.+))?$/.exec(specifier) ?? []
  if (!workspace) return {}
  const entry = workspace === 'server' ? 'serve.ts' : 'index.ts'
  if (inside && !inside.endsWith('.ts')) return { file: `${workspace}/src/${inside}/index.ts` }
  return { file: `${workspace}/src/${inside ?? entry}` }
}
