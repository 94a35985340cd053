import { createRequire } from 'node:module'
import { join } from 'node:path'

/** What is used here of openapi-typescript; it needs TypeScript 5, so the SDK's workspace has it and not the root. */
interface Generator {
  default(document: object): Promise<unknown>
  astToString(ast: unknown): string
}

/** The types of the API, made from its document. */
export async function renderSdkTypes(root: string, document: object): Promise<string> {
  const require = createRequire(join(root, 'sdk/package.json'))
  const generator = require('openapi-typescript') as Generator
  const types = generator.astToString(await generator.default(document))
  return `// Generated from openapi.json; \`npm run generate\` writes it again.\n\n${types}`
}
