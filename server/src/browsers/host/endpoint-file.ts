import { type FSWatcher, readFileSync, watch } from 'node:fs'
import { join } from 'node:path'

/** Chromium writes it into its profile once it listens: its port, then the path of its own socket. */
const ENDPOINT_FILE = 'DevToolsActivePort'
/** The file is watched; this finds what the kernel does not tell, as when its watches are used up. */
const LOOK_AGAIN_MS = 50

/** Begin before Chromium is started; dispose when the endpoint is known or no longer wanted. */
export function watchEndpoint(profile: string): { endpoint: Promise<string> } & Disposable {
  const found = Promise.withResolvers<string>()
  const look = () => {
    const endpoint = readEndpoint(join(profile, ENDPOINT_FILE))
    if (endpoint) found.resolve(endpoint)
  }
  const timer = setInterval(look, LOOK_AGAIN_MS)
  const watcher = tryWatch(profile, (name) => name === ENDPOINT_FILE && look())
  return {
    endpoint: found.promise,
    [Symbol.dispose]() {
      clearInterval(timer)
      watcher?.close()
    },
  }
}

function tryWatch(
  directory: string,
  onChange: (name: string | null) => void,
): FSWatcher | undefined {
  try {
    return watch(directory, (_event, name) => onChange(name)).on('error', () => {})
  } catch {
    return undefined
  }
}

/** Undefined until both lines are there. */
function readEndpoint(file: string): string | undefined {
  try {
    const [port = '', path = ''] = readFileSync(file, 'utf8').split('\n')
    const complete = /^\d+$/.test(port) && /^\/devtools\/browser\/[\w-]{36}$/.test(path)
    return complete ? `ws://127.0.0.1:${port}${path}` : undefined
  } catch {
    return undefined
  }
}
