import type { AgentOptions, TunnelOptions } from '@gantry/sdk/tunnels'
import { defineCommand } from 'citty'
import { orStop, Stop } from '../stop.ts'
import { readBasicAuth, refuseUnknown, valuesOf } from './options.ts'
import type { Shape } from './view.ts'

const JSON_ANSWER = { type: 'boolean', description: 'Print JSON, for programs' } as const
const JSON_OUTPUT = { type: 'boolean', description: 'Print JSON, a line for each event' } as const

/** Of every command that holds tunnels open. */
const holding = {
  label: {
    type: 'string',
    description:
      'What this agent goes by; the newest with a label holds the tunnel (default: default)',
  },
  'on-takeover': {
    type: 'string',
    description: 'When a newer agent takes the tunnel: exit with status 3, or wait (default: exit)',
  },
  'exit-on-failure': {
    type: 'boolean',
    description: 'End with status 2 when no relay can be reached, in place of trying for ever',
  },
  insecure: { type: 'boolean', description: 'Take any certificate of a local https service' },
  json: JSON_OUTPUT,
} as const

const one = {
  name: { type: 'string', description: 'Name of the tunnel (default: one that is made and kept)' },
  allow: {
    type: 'string',
    description: 'host:port of another service that its endpoints may name; may be repeated',
  },
  ...holding,
} as const

const httpArgs = {
  target: {
    type: 'positional',
    required: true,
    description: 'The service: 3000, localhost:3000 or https://localhost:8443',
  },
  'host-header': {
    type: 'string',
    description:
      'Host that the service sees: preserve, rewrite, or one to send (default: preserve)',
  },
  'basic-auth': { type: 'string', description: 'Demand user:password of visitors' },
  ...one,
} as const

const http = defineCommand({
  meta: { name: 'http', description: 'Give an HTTP service of this machine a public address' },
  args: httpArgs,
  run: ({ args, rawArgs }) =>
    orStop(async () => {
      refuseUnknown(rawArgs, httpArgs, args._)
      const auth = args['basic-auth']
      const hostHeader = args['host-header']
      const tunnel: TunnelOptions = {
        ...{ kind: 'http', target: args.target, allow: valuesOf(rawArgs, 'allow') },
        ...(args.name && { name: args.name }),
        ...(hostHeader && { hostHeader }),
        ...(auth && { basicAuth: readBasicAuth(auth) }),
      }
      const { holdOpen } = await import('./run.ts')
      await holdOpen({ tunnels: [tunnel], ...optionsOf(args) }, shapeOf(args))
    }),
})

const tcpArgs = {
  target: { type: 'positional', required: true, description: 'The service: 5432 or db:5432' },
  ...one,
} as const

const tcp = defineCommand({
  meta: { name: 'tcp', description: 'Give a TCP service of this machine a public port' },
  args: tcpArgs,
  run: ({ args, rawArgs }) =>
    orStop(async () => {
      refuseUnknown(rawArgs, tcpArgs, args._)
      const tunnel: TunnelOptions = {
        ...{ kind: 'tcp', target: args.target, allow: valuesOf(rawArgs, 'allow') },
        ...(args.name && { name: args.name }),
      }
      const { holdOpen } = await import('./run.ts')
      await holdOpen({ tunnels: [tunnel], ...optionsOf(args) }, shapeOf(args))
    }),
})

const startArgs = {
  file: { type: 'positional', required: true, description: 'A file such as tunnels.json' },
  ...holding,
} as const

const start = defineCommand({
  meta: { name: 'start', description: 'Hold all tunnels of a file open' },
  args: startArgs,
  run: ({ args, rawArgs }) =>
    orStop(async () => {
      refuseUnknown(rawArgs, startArgs, args._)
      const { readTunnelFile } = await import('./file.ts')
      const { holdOpen } = await import('./run.ts')
      const options = await readTunnelFile(args.file)
      await holdOpen({ ...options, ...optionsOf(args) }, shapeOf(args))
    }),
})

const listArgs = { json: JSON_ANSWER } as const

const list = defineCommand({
  meta: { name: 'list', description: 'List the tunnels of the account' },
  args: listArgs,
  run: ({ args, rawArgs }) =>
    orStop(async () => {
      refuseUnknown(rawArgs, listArgs, ['', ...args._])
      const { listTunnels } = await import('./show.ts')
      await listTunnels(args.json ?? false)
    }),
})

const statusArgs = {
  name: { type: 'positional', required: true, description: 'Its name' },
  json: JSON_ANSWER,
} as const

const status = defineCommand({
  meta: {
    name: 'status',
    description: 'Show a tunnel: whether it is connected, and where it leads',
  },
  args: statusArgs,
  run: ({ args, rawArgs }) =>
    orStop(async () => {
      refuseUnknown(rawArgs, statusArgs, args._)
      const { showTunnel } = await import('./show.ts')
      await showTunnel(args.name, args.json ?? false)
    }),
})

export const tunnel = defineCommand({
  meta: { name: 'tunnel', description: 'Give services of this machine public addresses' },
  subCommands: { http, tcp, start, list, status },
})

interface HoldingArgs {
  label?: string | undefined
  'on-takeover'?: string | undefined
  'exit-on-failure'?: boolean | undefined
  insecure?: boolean | undefined
  json?: boolean | undefined
}

function optionsOf(args: HoldingArgs): Omit<AgentOptions, 'tunnels'> {
  const onTakeover = args['on-takeover'] ?? 'exit'
  if (!['exit', 'wait'].includes(onTakeover)) throw new Stop('Write --on-takeover exit, or wait.')
  return {
    ...(args.label && { label: args.label }),
    ...(args.insecure && { insecure: true }),
    ...(onTakeover === 'wait' && { whenLost: 'wait' as const }),
    exitOnFailure: args['exit-on-failure'] ?? false,
  }
}

function shapeOf({ json }: HoldingArgs): Shape {
  if (json) return 'json'
  return process.stdout.isTTY ? 'live' : 'lines'
}
