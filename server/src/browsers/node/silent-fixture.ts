/**
 * A node without browsers in a process of its own, which can be frozen: `node silent-fixture.ts`, with its certificate and key as
 * JSON in `TLS`. It writes its port. A call answers with its input, but for the input `never`; a launch and a feed never say anything.
 */
import pino from 'pino'
import { NodeServer } from './node-server.ts'
import type { NodeSessions } from './node-sessions.ts'

const never = () => new Promise<never>(() => {})
const sessions = {
  get: () => ({}),
  watch: () => undefined,
  open: never,
  call: async (_id: string, _name: string, input: unknown) => {
    if (input !== 'never') return input
    console.log('begun')
    return never()
  },
  follow: async (_id: string, { after }: { after?: number }) => {
    console.log('followed')
    return { from: after ?? 7, [Symbol.dispose]: () => {} }
  },
} as unknown as NodeSessions

const server = await NodeServer.open(
  {
    ...{ sessions, log: pino({ level: 'silent' }) },
    tls: JSON.parse(process.env.TLS!) as { cert: string; key: string },
    subjectOf: (token) => token,
  },
  '127.0.0.1',
  0,
)
console.log(`port ${server.port}`)
