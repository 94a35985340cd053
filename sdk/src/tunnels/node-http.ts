import type * as Http from 'node:http'

/** What `import` gives too, after it has read every member, one of which is the whole of `fetch`: 20 ms of the start of an agent. */
export const http: typeof Http = process.getBuiltinModule('node:http')
