import { statfsSync, statSync } from 'node:fs'

/** Quick and quiet: nothing asked at first run, nothing fetched in the background, nothing kept that a wiped session would lose. */
const QUIET = [
  '--no-first-run',
  '--no-default-browser-check',
  '--no-service-autorun',
  '--no-pings',
  '--disable-background-networking',
  '--disable-client-side-phishing-detection',
  '--disable-component-extensions-with-background-pages',
  '--disable-component-update',
  '--disable-breakpad',
  '--disable-default-apps',
  '--disable-domain-reliability',
  '--disable-field-trial-config',
  '--disable-infobars',
  '--disable-search-engine-choice-screen',
  '--disable-sync',
  '--metrics-recording-only',
  '--mute-audio',
  '--password-store=basic',
  '--use-mock-keychain',
  // It asks Google for accounts and for updates in spite of all the above. Chromium itself never connects to port 1.
  '--gaia-url=http://127.0.0.1:1',
  '--component-updater=url-source=http://127.0.0.1:1',
]

/** A page that nobody looks at runs as fast as one in front, and looks the same on every machine. */
const DRIVEN = [
  '--allow-pre-commit-input',
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-hang-monitor',
  '--disable-ipc-flooding-protection',
  '--disable-popup-blocking',
  '--disable-prompt-on-repost',
  '--disable-renderer-backgrounding',
  '--export-tagged-pdf',
  '--force-color-profile=srgb',
  '--hide-scrollbars',
]

const FEATURES_OFF = [
  // It asks Google about every form that somebody types into.
  'AutofillServerCommunication',
  // A page that comes back from it fires no event that a driver could wait for.
  'BackForwardCache',
  'CertificateTransparencyComponentUpdater',
  'DestroyProfileOnBrowserClose',
  'DialMediaRouteProvider',
  'GlobalMediaControls',
  'HttpsUpgrades',
  'LensOverlay',
  'MediaRouter',
  'NetworkTimeServiceQuerying',
  'OptimizationHints',
  'PaintHolding',
  'Translate',
  // Pages of the browser's own, with more rights than a customer's.
  'WebUIOmniboxAimPopup',
  'WebUIOmniboxPopup',
]

/** Chromium crashes on a large page when this runs out, or at once where its user may not write; containers often give 64 MiB. */
const SHARED_MEMORY = '/dev/shm'
const ENOUGH_SHARED_MEMORY_BYTES = 512 * 1024 * 1024

/** The same switches for every browser, whoever its visitor pretends to be. */
export function commonSwitches(headlessShell: boolean): string[] {
  return [
    headlessShell ? '--headless' : '--headless=new',
    '--remote-debugging-port=0',
    '--remote-debugging-address=127.0.0.1',
    ...QUIET,
    ...DRIVEN,
    `--disable-features=${FEATURES_OFF.join(',')}`,
    ...(hasSharedMemory() ? [] : ['--disable-dev-shm-usage']),
  ]
}

/** No packet leaves but through the proxy: not to loopback, not by WebRTC or QUIC, not to a name server. */
export function egressSwitches(proxyPort: number): string[] {
  return [
    `--proxy-server=http://127.0.0.1:${proxyPort}`,
    '--proxy-bypass-list=<-loopback>',
    '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1',
    // The first is Chrome's name for it, the second the headless shell's; neither knows the other's.
    '--webrtc-ip-handling-policy=disable_non_proxied_udp',
    '--force-webrtc-ip-handling-policy=disable_non_proxied_udp',
    '--disable-quic',
  ]
}

function hasSharedMemory(): boolean {
  try {
    const { bavail, bsize } = statfsSync(SHARED_MEMORY)
    const openToAll = (statSync(SHARED_MEMORY).mode & 0o777) === 0o777
    return openToAll && bavail * bsize >= ENOUGH_SHARED_MEMORY_BYTES
  } catch {
    return false
  }
}
