import assert from 'node:assert/strict'
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { Gate } from './gate.ts'
import type { CdpPolicy } from './scope.ts'

const root = await realpath(await mkdtemp(join(tmpdir(), 'gantry-cdp-')))
after(() => rm(root, { recursive: true, force: true }))
const files = { uploads: join(root, 'uploads'), downloads: join(root, 'downloads') }
await mkdir(join(files.uploads, 'deep'), { recursive: true })
await writeFile(join(files.uploads, 'name.txt'), 'x')
await writeFile(join(files.uploads, 'deep/other.txt'), 'x')
await writeFile(join(root, 'secret'), 'x')
await symlink(join(root, 'secret'), join(files.uploads, 'link'))
await symlink(root, join(files.uploads, 'up'))

interface Message {
  method: string
  params: Record<string, unknown>
  error?: { code: number; message: string }
  result?: object
}

let mayDrive = true
let closes = 0

/** The message that goes on, or the answer to the client. */
function judge(text: string, policy: CdpPolicy = 'driver'): { sent?: Message; answer?: Message } {
  const gate = new Gate({
    ...{ policy, files },
    mayDrive: () => mayDrive,
    onBrowserClose: () => (closes += 1),
  })
  const bytes = Buffer.from(text)
  const verdict = gate.judge(bytes, 0, bytes.length)
  if (!verdict) return { sent: JSON.parse(text) as Message }
  if ('forward' in verdict) return { sent: JSON.parse(verdict.forward.toString()) as Message }
  return { answer: JSON.parse(verdict.answer) as Message }
}

function command(method: string, params: object = {}): string {
  return JSON.stringify({ id: 1, method, params, sessionId: 'S' })
}

function sent(method: string, params: object = {}, policy?: CdpPolicy): Record<string, unknown> {
  const { sent, answer } = judge(command(method, params), policy)
  assert.ok(sent, `${method} was answered with ${JSON.stringify(answer)}`)
  assert.equal(sent.method, method)
  return sent.params
}

function refused(method: string, params: object = {}, policy?: CdpPolicy): string {
  const { answer } = judge(command(method, params), policy)
  assert.ok(answer?.error, `${method} was not refused`)
  return answer.error.message
}

const URL_METHODS = [
  'Page.navigate',
  'Target.createTarget',
  'Network.loadNetworkResource',
  'Fetch.continueRequest',
]
const BAD_URLS = [
  'file:///etc/passwd',
  'FILE:///etc/passwd',
  ' \u0000\tfi\nle:///etc/passwd',
  'view-source:file:///etc/passwd',
  'view-source:http://127.0.0.1/',
  'chrome://version',
  'about:version',
  ' about:gpu#x',
  'devtools://devtools/bundled/inspector.html',
  'chrome-extension://mhjfbmdgcfjbbpaeojofohoefgiehjai/index.html',
  'chrome-untrusted://print/',
  'filesystem:file:///persistent/x',
  'javascript:1',
  'nowhere',
]

for (const method of URL_METHODS) {
  test(`${method} takes URLs of the web and no others`, () => {
    for (const url of BAD_URLS) refused(method, { url })
    for (const url of ['https://a.test/', 'HTTP://a.test', 'about:blank', 'data:text/html,x', '']) {
      assert.equal(sent(method, { url }).url, url)
    }
    assert.equal(sent(method, { url: ' ht\ntp://a.test' }).url, 'http://a.test/')
  })
}

test('an escaped file: is a file:', () => {
  const message =
    '{"id":1,"method":"Page.n\\u0061vigate","params":{"\\u0075rl":"\\u0066ile:///etc/x"}}'
  assert.match(judge(message).answer!.error!.message, /file:/)
})

test('of a parameter that is named twice, what was checked is what is sent', () => {
  const twice =
    '{"id":1,"method":"Page.navigate","params":{"url":"file:///x","url":"http://a.test/"}}'
  assert.deepEqual(judge(twice).sent!.params, { url: 'http://a.test/' })
  const turned =
    '{"id":1,"method":"Page.navigate","params":{"url":"http://a.test/","url":"file:///x"}}'
  assert.ok(judge(turned).answer?.error)
})

test('a wrapped message is looked at as any other', () => {
  const wrap = (message: string) => ({ sessionId: 'S', message })
  const navigate = (url: string) => command('Page.navigate', { url })
  const good = navigate('http://a.test/')
  assert.deepEqual(
    JSON.parse(String(sent('Target.sendMessageToTarget', wrap(good)).message)),
    JSON.parse(good),
  )
  refused('Target.sendMessageToTarget', wrap(navigate('file:///x')))
  refused('Target.sendMessageToTarget', wrap('{"id":1,"method":"A.b","method":"C.d"}'))
  const twice = command('Target.sendMessageToTarget', wrap(navigate('file:///x')))
  refused('Target.sendMessageToTarget', wrap(twice))
  const deep = [1, 2, 3, 4, 5].reduce(
    (inner) => command('Target.sendMessageToTarget', wrap(inner)),
    good,
  )
  assert.ok(judge(deep).answer?.error)
})

for (const [method, wrap] of [
  ['DOM.setFileInputFiles', (path: unknown) => ({ files: [path] })],
  ['Input.dispatchDragEvent', (path: unknown) => ({ data: { items: [], files: [path] } })],
] as const) {
  test(`${method} takes files of the session's uploads and no others`, () => {
    const given = (path: string) => JSON.stringify(sent(method, wrap(path)))
    const name = join(files.uploads, 'name.txt')
    for (const path of ['name.txt', '/uploads/name.txt', name])
      assert.ok(given(path).includes(name))
    assert.ok(given('/uploads/deep/other.txt').includes(join(files.uploads, 'deep/other.txt')))
    for (const path of [
      ...['/etc/passwd', '../secret', '/uploads/../secret', join(files.uploads, '../secret')],
      ...['link', 'up/secret', '/uploads/up/secret', 'none.txt', '', '.', '/uploads/', 'a\0b'],
      ...['file:///etc/passwd', `${files.uploads}/up/secret`, 7, null],
    ]) {
      refused(method, wrap(path))
    }
  })
}

test('downloads lie with the session, wherever the client would have them', () => {
  for (const method of ['Browser.setDownloadBehavior', 'Page.setDownloadBehavior']) {
    const given = sent(method, {
      behavior: 'allowAndName',
      downloadPath: '/etc',
      eventsEnabled: true,
    })
    assert.deepEqual(given, {
      ...{ behavior: 'allowAndName', downloadPath: files.downloads, eventsEnabled: true },
    })
    assert.equal(sent(method, { behavior: 'default' }).downloadPath, files.downloads)
    assert.equal(sent(method, { behavior: 'deny' }).downloadPath, undefined)
  }
})

test('no context has a network of its own', () => {
  refused('Target.createBrowserContext', { proxyServer: 'http://127.0.0.1:1' })
  refused('Target.createBrowserContext', { proxyBypassList: '*' })
  refused('Target.createBrowserContext', { originsWithUniversalNetworkAccess: ['http://a.test'] })
  sent('Target.createBrowserContext', { disposeOnDetach: true })
})

test('what reaches the machine or the browser as a whole does not exist', () => {
  for (const method of [
    ...['Target.exposeDevToolsProtocol', 'Target.setRemoteLocations', 'Target.openDevTools'],
    ...['Browser.crash', 'Browser.executeBrowserCommand', 'Browser.getBrowserCommandLine'],
    ...['Tethering.bind', 'Extensions.loadUnpacked', 'PWA.install', 'SystemInfo.getInfo'],
    ...[
      'Cast.startTabMirroring',
      'Page.addCompilationCache',
      'Nobody.knows',
      'Page',
      '',
      '.',
      'a.b.c',
    ],
    ...['constructor.x', '__proto__.x', 'toString', 'Target.', 'Browser.close '],
  ]) {
    const { answer } = judge(command(method))
    assert.equal(answer?.error?.code, -32601, method)
  }
})

test('a client that ends the browser is answered as if it had', () => {
  const { answer } = judge(command('Browser.close'))
  assert.deepEqual(answer, { id: 1, result: {}, sessionId: 'S' })
  assert.equal(closes, 1)
})

test('the surfaces of the browser itself are not among the targets', () => {
  const surfaces = { type: 'browser_ui', exclude: true }
  for (const method of ['Target.getTargets', 'Target.setDiscoverTargets', 'Target.setAutoAttach']) {
    const { filter } = sent(method, { filter: [{}] }) as { filter: object[] }
    assert.deepEqual(filter, [surfaces, {}])
    assert.deepEqual((sent(method).filter as object[])[0], surfaces)
  }
})

const READING = ['Page.captureScreenshot', 'DOM.getDocument', 'Network.enable', 'Target.getTargets']
const COOKIES = [
  'Network.getCookies',
  'Network.getAllCookies',
  'Storage.getCookies',
  'Network.setCookie',
]

test('an observer looks, and changes nothing', () => {
  for (const method of READING) sent(method, {}, 'observer')
  for (const method of [
    ...COOKIES,
    ...['Runtime.evaluate', 'Runtime.callFunctionOn', 'Page.navigate', 'Page.reload'],
    ...[
      'Input.dispatchMouseEvent',
      'Input.insertText',
      'Target.createTarget',
      'Target.closeTarget',
    ],
    ...['Fetch.enable', 'Debugger.enable', 'DOM.setAttributeValue', 'Page.close', 'Browser.close'],
    ...[
      'Page.setDocumentContent',
      'Target.attachToBrowserTarget',
      'Tracing.start',
      'IO.resolveBlob',
    ],
    ...['Target.sendMessageToTarget', 'DOM.setFileInputFiles', 'Page.addScriptToEvaluateOnLoad'],
  ]) {
    refused(method, {}, 'observer')
  }
  assert.equal(closes, 1)
})

test('an observer does not hold up pages, and is told that its set-up is done', () => {
  const asked = { autoAttach: true, flatten: true, waitForDebuggerOnStart: true }
  assert.equal(sent('Target.setAutoAttach', asked, 'observer').waitForDebuggerOnStart, false)
  const { answer } = judge(command('Runtime.runIfWaitingForDebugger'), 'observer')
  assert.deepEqual(answer?.result, {})
})

test('a connection without cookies drives, and neither reads nor writes them', () => {
  for (const method of [...READING, 'Runtime.evaluate', 'Fetch.enable'])
    sent(method, {}, 'noCookies')
  for (const method of [
    ...COOKIES,
    ...['DOMStorage.getDOMStorageItems', 'IndexedDB.requestData', 'CacheStorage.requestEntries'],
    ...['Network.loadNetworkResource', 'Tracing.start', 'Target.sendMessageToTarget'],
  ]) {
    refused(method, {}, 'noCookies')
  }
  refused('Fetch.enable', { patterns: [{ requestStage: 'Response' }] }, 'noCookies')
  refused('Fetch.continueRequest', { interceptResponse: true }, 'noCookies')
  refused('Target.attachToTarget', { targetId: 'T' }, 'noCookies')
  for (const method of COOKIES) sent(method)
})

test('while somebody else holds control, a driver may watch but not drive', () => {
  mayDrive = false
  for (const method of [
    ...['Input.dispatchMouseEvent', 'Page.navigate', 'Page.reload', 'Page.handleJavaScriptDialog'],
    ...['Target.createTarget', 'Target.closeTarget', 'Target.disposeBrowserContext', 'Page.close'],
  ]) {
    assert.match(refused(method, { url: 'http://a.test/' }), /controls this browser/)
  }
  for (const method of [...READING, 'Runtime.evaluate', 'Runtime.runIfWaitingForDebugger'])
    sent(method)
  mayDrive = true
  sent('Page.reload')
})
