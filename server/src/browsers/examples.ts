/** What the API document shows. */
export const ID = 'ses_06f3k9w2m4qz7x8y1v5t0r6n3b'

export const sessionExample = {
  id: ID,
  accountId: 'acc_06f3k9w2m4qz7x8y1v5t0r6n3b',
  userId: 'usr_06f3k9w2m4qz7x8y1v5t0r6n3b',
  instanceId: 'ins_06f3k9w2m4qz7x8y1v5t0r6n3b',
  status: 'active' as const,
  startTime: '2026-11-20T12:00:00.250Z',
  lastActivityTime: '2026-11-20T12:00:00.250Z',
  expiresAt: '2026-11-20T13:00:00.000Z',
  timeoutSeconds: 3600,
  idleTimeoutSeconds: 600,
  viewport: { width: 1280, height: 720 },
  cdpUrl: `ws://127.0.0.1:8700/cdp/${ID}/Yq3vVxkzQ0cG7h2eXb1mJ8wLrT5uAa9dNfKpSiZoE4M`,
  liveUrl: `ws://127.0.0.1:8700/live/${ID}/b6nDk2PzWc8sR1tYv4xUj7qLm9oGh3eAfKiZpQrTsX0`,
  metadata: { purpose: 'price check' },
  createdAt: '2026-11-20T12:00:00.000Z',
}

export const pageExample = { sessionId: ID, url: 'https://example.com/', title: 'Example Domain' }

export const commandExample = {
  id: 'cmd_06f3k9w2m4qz7x8y1v5t0r6n3b',
  sessionId: ID,
  type: 'navigate' as const,
  params: { url: 'https://example.com/' },
  startTime: '2026-11-20T12:00:01.000Z',
  endTime: '2026-11-20T12:00:01.320Z',
  status: 'success' as const,
  result: { url: 'https://example.com/', title: 'Example Domain', status: 200 },
  actor: 'usr_06f3k9w2m4qz7x8y1v5t0r6n3b',
}

export const screenshotExample = {
  sessionId: ID,
  ...{ format: 'png' as const, width: 1280, height: 720, cut: false, base64: 'iVBORw0KGgo=' },
}

export const stateExample = {
  ...pageExample,
  loading: false,
  viewport: { width: 1280, height: 720 },
  scroll: { x: 0, y: 0 },
  tabs: [{ id: 'E2A9C1', url: pageExample.url, title: pageExample.title, active: true }],
}

export const pdfExample = { sessionId: ID, bytes: 8, base64: 'JVBERi0xLjQ=' }

export const tabsExample = {
  sessionId: ID,
  tabId: 'E2A9C1',
  tabs: [{ id: 'E2A9C1', url: pageExample.url, title: pageExample.title, active: true }],
}

export const cookiesExample = {
  sessionId: ID,
  cookies: [
    {
      ...{ name: 'theme', value: 'dark', domain: 'example.com', path: '/' },
      ...{ httpOnly: false, secure: true, sameSite: 'Lax' as const },
    },
  ],
}

export const downloadExample = {
  id: '1f0b7c1e-6d0a-4a55-9a2e-0c5b7f6f2d11',
  url: 'https://example.com/report.pdf',
  suggestedName: 'report.pdf',
  bytes: 48_213,
  status: 'completed' as const,
  startedAt: '2026-11-20T12:00:04.000Z',
}

export const recordingExample = {
  format: 'gantry-recording' as const,
  version: 1,
  startedAt: '2026-11-20T12:00:00.000Z',
  updatedAt: '2026-11-20T12:00:09.000Z',
  complete: false,
  parts: [
    {
      name: 'frames-000001.bin',
      kind: 'frames' as const,
      bytes: 182_044,
      url: 'http://127.0.0.1:8700/objects/recordings/…',
    },
  ],
}
