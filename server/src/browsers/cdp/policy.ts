import { type Rule, rules } from './rules.ts'
import type { CdpPolicy } from './scope.ts'

/**
 * - `watch`: tells something, or makes the browser tell it
 * - `act`: changes something, in the page or for this client
 * - `drive`: what somebody at the screen would do; refused while somebody else holds the control lease
 * - `store`: cookies and storage, or something that quotes them
 */
type Reach = 'watch' | 'act' | 'drive' | 'store'

interface MethodPolicy {
  reach: Reach
  /** Checks and translates its parameters. */
  rule?: Rule
}

const ALLOWED: Readonly<Record<CdpPolicy, ReadonlySet<Reach>>> = {
  driver: new Set(['watch', 'act', 'drive', 'store']),
  noCookies: new Set(['watch', 'act', 'drive']),
  observer: new Set(['watch']),
}

interface DomainPolicy extends Partial<Record<Reach, string>> {
  /** For methods that are not named; without it they are refused. */
  rest?: Reach
  /** Refused to everybody. */
  never?: string
}

/** Every method that goes through; what is not here is refused. Domains of the whole browser have no `rest`. */
const DOMAINS: Readonly<Record<string, DomainPolicy>> = {
  Browser: {
    watch: 'getVersion getWindowBounds getWindowForTarget',
    act: `addMockCamera cancelDownload getGlobalPrivacyControl grantPermissions resetPermissions setDownloadBehavior
      setContentsSize setGlobalPrivacyControl setPermission setWindowBounds`,
    drive: 'close',
  },
  Target: {
    watch: `attachToTarget detachFromTarget getBrowserContexts getTargetInfo getTargets setAutoAttach setDiscoverTargets`,
    act: 'attachToBrowserTarget autoAttachRelated createBrowserContext',
    drive: 'activateTarget closeTarget createTarget disposeBrowserContext',
    // Its messages are wrapped, so that what comes back could not be filtered.
    store: 'sendMessageToTarget',
  },
  Storage: {
    store: `clearCookies clearDataForOrigin clearDataForStorageKey clearTrustTokens deleteStorageBucket getCookies getStorageKey
      getStorageKeyForFrame getTrustTokens getUsageAndQuota overrideQuotaForOrigin runBounceTrackingMitigations setCookies
      setStorageBucketTracking trackCacheStorageForOrigin trackCacheStorageForStorageKey trackIndexedDBForOrigin
      trackIndexedDBForStorageKey untrackCacheStorageForOrigin untrackCacheStorageForStorageKey untrackIndexedDBForOrigin
      untrackIndexedDBForStorageKey`,
  },
  // A trace holds headers.
  Tracing: {
    store:
      'end getCategories getTrackEventDescriptor recordClockSyncMarker requestMemoryDump start',
  },
  IO: { watch: 'close read', act: 'resolveBlob' },

  Accessibility: { rest: 'watch' },
  Ads: { rest: 'watch' },
  Animation: { rest: 'act', watch: 'disable enable' },
  // Its issues quote cookies.
  Audits: { rest: 'store' },
  Autofill: { rest: 'act', drive: 'trigger' },
  BackgroundService: { rest: 'act' },
  BluetoothEmulation: { rest: 'act' },
  CacheStorage: { rest: 'store' },
  Console: { rest: 'act', watch: 'disable enable' },
  CrashReportContext: { rest: 'act' },
  CSS: {
    rest: 'act',
    watch: `collectClassNames disable enable getAnimatedStylesForNode getBackgroundColors getComputedStyleForNode
      getInlineStylesForNode getLayersForNode getMatchedStylesForNode getMediaQueries getPlatformFontsForNode getStyleSheetText`,
  },
  Debugger: { rest: 'act' },
  DeviceAccess: { rest: 'drive', watch: 'disable enable' },
  DeviceOrientation: { rest: 'act' },
  DigitalCredentials: { rest: 'act' },
  DOM: {
    rest: 'act',
    watch: `collectClassNamesFromSubtree describeNode disable discardSearchResults enable getAttributes getBoxModel getContentQuads
      getDocument getFlattenedDocument getFrameOwner getNodeForLocation getNodesForSubtreeByStyle getOuterHTML getRelayoutBoundary
      getSearchResults getTopLayerElements performSearch pushNodesByBackendIdsToFrontend querySelector querySelectorAll
      requestChildNodes requestNode resolveNode`,
    drive: 'setFileInputFiles',
  },
  DOMDebugger: { rest: 'act' },
  DOMSnapshot: { rest: 'watch' },
  DOMStorage: { rest: 'store' },
  Emulation: { rest: 'act', watch: 'canEmulate getScreenInfos' },
  EventBreakpoints: { rest: 'act' },
  FedCm: { rest: 'drive', act: 'disable enable resetCooldown' },
  Fetch: { rest: 'act' },
  FileSystem: { rest: 'store' },
  FindInPage: { rest: 'drive' },
  HeadlessExperimental: { rest: 'act' },
  HeapProfiler: { rest: 'act' },
  IndexedDB: { rest: 'store' },
  Input: { rest: 'drive' },
  Inspector: { rest: 'watch' },
  LayerTree: { rest: 'act' },
  Log: { rest: 'act', watch: 'disable enable' },
  Media: { rest: 'watch' },
  Memory: { rest: 'act', watch: 'getDOMCounters' },
  Network: {
    rest: 'act',
    watch: 'disable enable',
    store: `clearBrowserCookies deleteCookies deleteDeviceBoundSession enableDeviceBoundSessions getAllCookies getCookies
      loadNetworkResource setCookie setCookieControls setCookies setRequestInterception`,
  },
  Overlay: { rest: 'act' },
  Page: {
    rest: 'act',
    watch: `captureScreenshot createIsolatedWorld disable enable getAdScriptAncestry getAppId getAppManifest getFrameTree
      getInstallabilityErrors getLayoutMetrics getManifestIcons getNavigationHistory getOriginTrials getPermissionsPolicyState
      getResourceTree screencastFrameAck setLifecycleEventsEnabled startScreencast stopScreencast`,
    drive: `bringToFront close crash handleJavaScriptDialog navigate navigateToHistoryEntry reload resetNavigationHistory
      setDocumentContent setWebLifecycleState stopLoading`,
    store: 'deleteCookie',
    // It takes compiled code, which V8 trusts.
    never: 'addCompilationCache',
  },
  Performance: { rest: 'watch' },
  PerformanceTimeline: { rest: 'watch' },
  Preload: { rest: 'watch' },
  Profiler: { rest: 'act' },
  Runtime: {
    rest: 'act',
    watch: 'disable enable getHeapUsage getIsolateId releaseObject releaseObjectGroup',
  },
  Schema: { rest: 'watch' },
  Security: { rest: 'act', watch: 'disable enable' },
  ServiceWorker: { rest: 'act', watch: 'disable enable' },
  SmartCardEmulation: { rest: 'act' },
  WebAudio: { rest: 'watch' },
  WebAuthn: { rest: 'act' },
  WebMCP: { rest: 'drive', watch: 'disable enable' },
}

/**
 * What clients send to every page while they connect. Who may not have it done is answered as if it were, since the client would
 * not get any further.
 */
const PRETENDED: ReadonlyMap<string, object> = new Map<string, object>(
  [
    'Audits.disable',
    'Audits.enable',
    'Browser.setDownloadBehavior',
    'Emulation.setDeviceMetricsOverride',
    'Emulation.setEmulatedMedia',
    'Emulation.setFocusEmulationEnabled',
    'Emulation.setTouchEmulationEnabled',
    'Page.setFontFamilies',
    'Runtime.runIfWaitingForDebugger',
  ]
    .map((method): [string, object] => [method, {}])
    .concat([['Page.addScriptToEvaluateOnNewDocument', { identifier: '0' }]]),
)

const REACHES: readonly Reach[] = ['watch', 'act', 'drive', 'store']
const methods = new Map<string, MethodPolicy | undefined>()
const rests = new Map<string, MethodPolicy>()
for (const [domain, policy] of Object.entries(DOMAINS)) {
  const named = (names = '') =>
    names
      .split(/\s+/)
      .filter(Boolean)
      .map((name) => `${domain}.${name}`)
  for (const reach of REACHES) {
    for (const method of named(policy[reach])) methods.set(method, { reach, rule: rules[method] })
  }
  for (const method of named(policy.never)) methods.set(method, undefined)
  if (policy.rest) rests.set(domain, { reach: policy.rest })
}
for (const [method, rule] of Object.entries(rules)) {
  const { reach } = policyOf(method)!
  methods.set(method, { reach, rule })
}

/** How a method is treated, or undefined when nobody may call it. */
export function policyOf(method: string): MethodPolicy | undefined {
  return methods.has(method) ? methods.get(method) : rests.get(method.slice(0, method.indexOf('.')))
}

export function mayReach(policy: CdpPolicy, reach: Reach): boolean {
  return ALLOWED[policy].has(reach)
}

/** What to answer in place of refusing this method. */
export function pretended(method: string): object | undefined {
  return PRETENDED.get(method)
}
