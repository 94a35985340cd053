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
