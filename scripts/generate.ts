// `npm run generate`: writes what follows from the manifest. With `--check`, names what is stale instead.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { renderMatrix } from '../server/src/access/index.ts'
import { KEYS } from '../server/src/kernel/config-keys.ts'
import { httpProblems } from '../server/src/kernel/http/problems.ts'
import { document, plainManifest } from '../server/src/manifest.ts'
import { checkout } from './lib/checkout.mjs'
import { findFiles, readText } from './lib/files.ts'
import { renderConfiguration, renderEnvExample } from './reference/configuration.ts'
import { renderDataModel } from './reference/data-model.ts'
import { renderErrors } from './reference/errors.ts'
import { renderEvents } from './reference/events.ts'
import { renderJobs } from './reference/jobs.ts'
import { renderSdkTypes } from './reference/sdk-types.ts'
import { staleFiles } from './reference/stale.ts'

/** The content of every generated file, by its path. */
async function generate(): Promise<Record<string, string>> {
  const capabilities = plainManifest()
  const api = document(capabilities)
  return {
    'openapi.json': `${JSON.stringify(api, null, 2)}\n`,
    'sdk/src/openapi.d.ts': await renderSdkTypes(checkout, api),
    '.env.example': renderEnvExample(KEYS),
    'docs/reference/configuration.md': renderConfiguration(KEYS, capabilities),
    'docs/reference/errors.md': renderErrors(capabilities, httpProblems),
    'docs/reference/events.md': renderEvents(capabilities),
    'docs/reference/jobs.md': renderJobs(capabilities),
    'docs/reference/permissions.md': renderMatrix(capabilities),
    'docs/reference/data-model.md': renderDataModel(migrations(), rowTypes()),
  }
}

function migrations(): string {
  const files = findFiles(checkout, 'server/migrations/*.sql')
  return files.map((path) => readText(checkout, path)).join('\n')
}

function rowTypes(): Map<string, string> {
  const files = findFiles(checkout, 'server/src/*/tables.ts')
  return new Map(files.map((path) => [path.split('/')[2]!, readText(checkout, path)]))
}

const files = await generate()
if (process.argv.includes('--check')) {
  const stale = staleFiles(checkout, files)
  for (const path of stale) console.log(`${path} is stale: run \`npm run generate\``)
  if (stale.length > 0) process.exitCode = 1
} else {
  for (const path of staleFiles(checkout, files)) {
    mkdirSync(dirname(join(checkout, path)), { recursive: true })
    writeFileSync(join(checkout, path), files[path]!)
    console.log(`wrote ${path}`)
  }
}
