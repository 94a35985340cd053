import type { TimelineEvent } from './manifest.ts'

type Data = Record<string, unknown>

/** What Playwright's viewer shows of an event; nothing for what it has no place for. */
export function traceEvents({ ms, kind, data }: TimelineEvent, callId: string): Data[] {
  switch (kind) {
    case 'command':
      return commandEvents(data, callId)
    case 'navigation':
      return data.type === 'page.navigated' ? navigationEvents(ms, data, callId) : []
    case 'input':
      return action(callId, 'input', `${String(data.type ?? 'input')} by a person`, ms, ms, {
        params: data,
      })
    case 'console':
      return data.type === 'exception' ? [pageError(ms, data)] : [consoleMessage(ms, data)]
    case 'dialog':
      return data.type === 'dialog.opened' ? [contextEvent(ms, 'dialog', dialogParams(data))] : []
    case 'download':
      return data.type === 'download.started'
        ? [contextEvent(ms, 'download', { url: data.url, suggestedFilename: data.suggestedName })]
        : []
    case 'lifecycle':
      return lifecycleEvents(ms, data)
    default:
      return []
  }
}

function commandEvents(data: Data, callId: string): Data[] {
  const startMs = Number(data.startedMs)
  const endMs = startMs + Number(data.durationMs)
  const params = typeof data.params === 'object' && data.params ? data.params : {}
  const error = data.error ? { name: 'Error', message: String(data.error) } : undefined
  return action(callId, String(data.type), String(data.type), startMs, endMs, { params, error })
}

function navigationEvents(ms: number, { url, pageId }: Data, callId: string): Data[] {
  return action(callId, 'navigated', `Navigated to "${String(url)}"`, ms, ms, {
    params: { url },
    pageId,
  })
}

interface ActionMore {
  params: object
  pageId?: unknown
  error?: object | undefined
}

function action(
  callId: string,
  method: string,
  title: string,
  startTime: number,
  endTime: number,
  { params, pageId, error }: ActionMore,
): Data[] {
  return [
    { type: 'before', callId, class: 'Page', method, title, params, pageId, startTime },
    { type: 'after', callId, endTime, error },
  ]
}

function consoleMessage(time: number, data: Data): Data {
  const { level, text, url, line, column, pageId, type, count } = data
  const said = text ?? `${String(type)} ${String(count ?? '')}`
  const location = {
    url: url ?? '',
    lineNumber: Number(line ?? 1) - 1,
    columnNumber: Number(column ?? 1) - 1,
  }
  return {
    type: 'console',
    messageType: level ?? 'info',
    text: said,
    args: [],
    location,
    time,
    pageId,
  }
}

function pageError(time: number, { text, stack, pageId }: Data): Data {
  const frames = Array.isArray(stack) ? stack.map((frame) => `\n    at ${String(frame)}`) : []
  const message = String(text)
  const error = { error: { name: 'Error', message, stack: message + frames.join('') } }
  return { ...contextEvent(time, 'pageError', { error }), pageId }
}

function dialogParams({ pageId, dialog, message, defaultValue }: Data): Data {
  return { pageId, type: dialog, message, defaultValue }
}

function lifecycleEvents(ms: number, { type, pageId }: Data): Data[] {
  if (type === 'page.opened') return [contextEvent(ms, 'page', { pageId })]
  if (type === 'page.closed') return [contextEvent(ms, 'pageClosed', { pageId })]
  return []
}

function contextEvent(time: number, method: string, params: Data): Data {
  return { type: 'event', time, class: 'BrowserContext', method, params }
}
