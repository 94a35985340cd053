import { allowedUrl } from './allowed-url.ts'
import { Refused } from './refused.ts'
import type { CdpPolicy, Scope, SessionFiles } from './scope.ts'
import { uploadedFile } from './session-files.ts'

export type Params = Readonly<Record<string, unknown>>

/** Gives the parameters that go on. @throws Refused */
export type Rule = (params: Params, scope: Scope) => Params

const withUrl: Rule = (params) =>
  'url' in params ? { ...params, url: allowedUrl(params.url) } : params

const withUploads: Rule = (params, { files }) => ({
  ...params,
  files: uploads(params.files, files),
})

function uploads(named: unknown, files: SessionFiles): unknown {
  return Array.isArray(named) ? named.map((path) => uploadedFile(files, path)) : named
}

/** Dragged files become the page's to read, as chosen ones do. */
const draggedUploads: Rule = (params, { files }) => {
  const dragged = params.data as Params | null | undefined
  if (typeof dragged !== 'object' || dragged === null || !('files' in dragged)) return params
  return { ...params, data: { ...dragged, files: uploads(dragged.files, files) } }
}

/** Wherever the client would have them: what is downloaded lies with the session's downloads. */
const ownDownloads: Rule = (params, { files }) => {
  if (params.behavior === 'deny') return params
  const behavior = params.behavior === 'default' ? 'allow' : params.behavior
  return { ...params, behavior, downloadPath: files.downloads }
}

const ownNetwork: Rule = (params) => {
  for (const name of ['proxyServer', 'proxyBypassList', 'originsWithUniversalNetworkAccess']) {
    if (params[name] === undefined || params[name] === null) continue
    throw new Refused(`${name} is not open to clients: the session's egress decides on its network`)
  }
  return params
}

/** Chromium's own, for when a client does not say what it wants to hear of. */
const USUAL_TARGETS = [{ type: 'browser', exclude: true }, { type: 'tab', exclude: true }, {}]
/** The browser's own surfaces are privileged pages that clients have no use for. */
const NO_SURFACES = { type: 'browser_ui', exclude: true }

const noSurfaces: Rule = (params) => {
  const filter = Array.isArray(params.filter) ? (params.filter as unknown[]) : USUAL_TARGETS
  return { ...params, filter: [NO_SURFACES, ...filter] }
}

/** Without it, what the target says comes wrapped, and could not be filtered. */
function demandFlat(params: Params, policy: CdpPolicy): void {
  if (policy === 'driver' || params.flatten === true) return
  throw new Refused('This connection attaches with flatten: true only')
}

const attach: Rule = (params, { policy }) => {
  demandFlat(params, policy)
  return params
}

const autoAttach: Rule = (params, scope) => {
  if (params.autoAttach !== false) demandFlat(params, scope.policy)
  const filtered = noSurfaces(params, scope)
  // An observer must not hold up the pages of those who drive.
  return scope.policy === 'observer' ? { ...filtered, waitForDebuggerOnStart: false } : filtered
}

/** The cookies that a response sets come with it only at this stage. */
const noResponseStage: Rule = (params, { policy }) => {
  if (policy !== 'noCookies') return params
  const patterns = Array.isArray(params.patterns) ? (params.patterns as unknown[]) : []
  const asked = patterns.some((pattern) => (pattern as Params | null)?.requestStage === 'Response')
  if (!asked && !params.interceptResponse) return params
  throw new Refused('This connection does not see cookies, so it intercepts requests only')
}

const continueRequest: Rule = (params, scope) => withUrl(noResponseStage(params, scope), scope)

const ownTrace: Rule = (params) => {
  if (params.tracingBackend !== 'system' && params.perfettoConfig === undefined) return params
  throw new Refused('A trace is of the browser only: leave out tracingBackend and perfettoConfig')
}

/** Methods whose parameters are checked or translated. They are sent as they were understood here. */
export const rules: Readonly<Record<string, Rule>> = {
  'Browser.setDownloadBehavior': ownDownloads,
  'DOM.setFileInputFiles': withUploads,
  'Fetch.continueRequest': continueRequest,
  'Fetch.enable': noResponseStage,
  'Input.dispatchDragEvent': draggedUploads,
  'Network.loadNetworkResource': withUrl,
  'Page.navigate': withUrl,
  'Page.setDownloadBehavior': ownDownloads,
  'Target.attachToTarget': attach,
  'Target.autoAttachRelated': autoAttach,
  'Target.createBrowserContext': ownNetwork,
  'Target.createTarget': withUrl,
  'Target.getTargets': noSurfaces,
  'Target.setAutoAttach': autoAttach,
  'Target.setDiscoverTargets': noSurfaces,
  'Tracing.start': ownTrace,
}
