import type { ApiClient } from '#kernel/api-client.ts'
import { Refused } from '#kernel/api-client.ts'
import { Problem } from '#kernel/problem.ts'
import type { Found, News, OpenedLink, RelayControl } from './control.ts'

/** The control plane waits for 20 s before it answers that there is no news. */
const WATCH_MS = 30_000
const PATH = '/api/v1/relay'

/** The control plane as a relay of its own has it: by HTTPS, with the credential of its join. Calls fail with `Refused`, but for `openLink`. */
export function remoteControl(api: Pick<ApiClient, 'post'>): RelayControl {
  return {
    openLink: (link) =>
      api.post<OpenedLink>(`${PATH}/links`, link).catch((error: unknown) => {
        throw problemOf(error)
      }),
    closeLink: (linkId) => api.post(`${PATH}/links/close`, { linkId }),
    find: async (wanted) => (await api.post<{ found?: Found }>(`${PATH}/find`, wanted)).found,
    watch: ({ signal, ...asked }) =>
      api.post<News>(`${PATH}/watch`, asked, { signal, timeoutMs: WATCH_MS }),
    reportHealth: (reports) => api.post(`${PATH}/health`, { reports }),
    reportPorts: (reports) => api.post(`${PATH}/ports`, { reports }),
    reportUsage: (journal, entries) => api.post(`${PATH}/usage`, { journal, entries }),
  }
}

/** What the control plane said of an agent is for the agent; that a relay itself is not known is not. */
function problemOf(error: unknown): unknown {
  if (!(error instanceof Refused) || !error.code || error.code === 'relay.unauthenticated')
    return error
  const { status, code, detail } = error
  return new Problem({ code, status, title: 'The link is refused' }, detail ? { detail } : {})
}
