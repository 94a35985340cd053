import Fastify from 'fastify'
import { type Asset, asset } from './assets.ts'
import { page } from './html.ts'

/** The reference writes styles into its own page, so styles are open; scripts and connections are ours alone. */
export const REFERENCE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "font-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

export const referencePage = page({
  title: 'Gantry API',
  body: '<div id="app"></div><noscript>This page needs JavaScript; <a href="/api/openapi.json">the API document</a> does not.</noscript>',
  scripts: ['/api/docs/scalar.js', '/console/reference.js'],
})

let bundle: Promise<Asset> | undefined

/** The reference's program, 4 MB: loaded when somebody first opens the page. */
export function referenceBundle(): Promise<Asset> {
  bundle ??= loadBundle()
  return bundle
}

/** The package gives its program to nobody but Fastify, so a Fastify of its own asks for it. */
async function loadBundle(): Promise<Asset> {
  const { default: reference } = await import('@scalar/fastify-api-reference')
  const app = Fastify()
  await app.register(reference, { configuration: { url: '/api/openapi.json' } })
  const { rawPayload } = await app.inject('/reference/js/scalar.js')
  await app.close()
  return asset(rawPayload, 'text/javascript; charset=utf-8')
}
