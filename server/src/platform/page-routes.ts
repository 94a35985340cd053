import { z } from 'zod'
import { Reply, route } from '#kernel/http/route.ts'
import { asset, type Asset, consoleFile, PAGE_POLICY, policyFor, sendAsset } from './assets.ts'
import { REFERENCE_POLICY, referenceBundle, referencePage } from './documentation.ts'
import { cataloguePage, errorCatalogue } from './error-catalogue.ts'
import type { PlatformParts } from './parts.ts'
import { problems } from './problems.ts'

const HTML = 'text/html; charset=utf-8'
const Name = z.string().min(1).max(64)
const reference = asset(referencePage, HTML)

/** The console, the API's reference and the error catalogue: all that a browser opens. */
export function pageRoutes(running: () => PlatformParts) {
  return [...consoleRoutes(), ...referenceRoutes(), ...documentRoutes(running)]
}

function consoleRoutes() {
  return [
    route({
      method: 'GET',
      path: '/',
      summary: 'Open the console',
      access: { public: 'the first page that a newcomer sees' },
      alsoReturns: ['text/html'],
      handler: async (_ctx, { request }) =>
        sendAsset(await consoleFile('index.html'), request, PAGE_POLICY),
    }),
    route({
      method: 'GET',
      path: '/console/:file',
      summary: 'Load a file of the console',
      access: { public: 'part of the console page' },
      params: z.strictObject({ file: Name }),
      alsoReturns: ['text/html', 'text/javascript', 'text/css', 'image/svg+xml'],
      problems: [problems.unknownFile],
      examples: { params: { file: 'app.js' } },
      handler: async (_ctx, { params, request }) =>
        sendAsset(await consoleFile(params.file), request, policyFor(params.file)),
    }),
    route({
      method: 'GET',
      path: '/console/:folder/:file',
      summary: 'Load a file of one part of the console',
      access: { public: 'part of the console page' },
      params: z.strictObject({ folder: Name, file: Name }),
      alsoReturns: ['text/javascript'],
      problems: [problems.unknownFile],
      examples: { params: { folder: 'entry', file: 'sign-in.js' } },
      handler: async (_ctx, { params: { folder, file }, request }) =>
        sendAsset(await consoleFile(`${folder}/${file}`), request),
    }),
  ]
}

function referenceRoutes() {
  return [
    route({
      method: 'GET',
      path: '/api/docs',
      summary: 'Read and try the API',
      access: { public: 'documentation' },
      alsoReturns: ['text/html'],
      handler: (_ctx, { request }) => sendAsset(reference, request, REFERENCE_POLICY),
    }),
    route({
      method: 'GET',
      path: '/api-docs',
      summary: 'Go to the documentation',
      access: { public: 'documentation' },
      status: 308,
      handler: () => Reply.redirect('/api/docs', 308),
    }),
    route({
      method: 'GET',
      path: '/api/docs/scalar.js',
      summary: 'Load the program of the documentation page',
      access: { public: 'part of the documentation page' },
      alsoReturns: ['text/javascript'],
      handler: async (_ctx, { request }) => sendAsset(await referenceBundle(), request),
    }),
  ]
}

function documentRoutes(running: () => PlatformParts) {
  let document: Asset | undefined
  let catalogue: Asset | undefined
  return [
    route({
      method: 'GET',
      path: '/api/openapi.json',
      summary: 'Load the OpenAPI 3.1 document of this API',
      access: { public: 'documentation' },
      returns: z.looseObject({ openapi: z.string() }),
      examples: { reply: { openapi: '3.1.0' } },
      handler: (_ctx, { request }) => {
        document ??= asset(JSON.stringify(running().document()), 'application/json')
        return sendAsset(document, request)
      },
    }),
    route({
      method: 'GET',
      path: '/api/docs/errors',
      summary: 'Read what each error code means',
      access: { public: 'documentation; `type` of every problem leads here' },
      alsoReturns: ['text/html'],
      handler: (_ctx, { request }) => {
        catalogue ??= asset(cataloguePage(errorCatalogue(running().capabilities)), HTML)
        return sendAsset(catalogue, request, PAGE_POLICY)
      },
    }),
  ]
}
