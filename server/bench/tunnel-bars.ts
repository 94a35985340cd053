// The bars of tunnel.bench.ts, as shares of a floor that is measured in the same run.
import { judge } from './table.ts'

/**
 * A bar of the product's design, and what its floor did on the machine where the bar was set (2 cores, Node 24.21): `of` is the least
 * that does the same work there, in the same run as the prototype that gave the bar. Their ratio is what is judged here, since this
 * machine may be of any speed.
 */
export interface Bar {
  what: string
  unit: string
  relation: '<=' | '>='
  bar: number
  /** Of the floor, on the machine of the bar. */
  of: number
}

const bareProxy = { requestsPerSecond: 22_897, cpuMicros: 44, addedMs: 0.154 - 0.017 }

export const BARS = {
  // A reverse proxy of `node:http` alone, one hop without TLS.
  requests: {
    ...{ what: 'small requests', unit: '/s', relation: '>=', bar: 20_000 },
    of: bareProxy.requestsPerSecond,
  },
  cpu: {
    ...{ what: 'processor time of a small request', unit: 'µs', relation: '<=', bar: 60 },
    of: bareProxy.cpuMicros,
  },
  added: {
    ...{ what: 'added at p50, one at a time', unit: 'ms', relation: '<=', bar: 0.2 },
    of: bareProxy.addedMs,
  },
  down: { what: '100 MiB down', unit: 'MB/s', relation: '>=', bar: 450, of: 825 },
  up: { what: '100 MiB up', unit: 'MB/s', relation: '>=', bar: 350, of: 797 },
  mixed: {
    ...{ what: 'p99 of small requests beside two downloads', unit: 'ms', relation: '<=', bar: 25 },
    of: 31,
  },
  // The bare proxy had eight such readers there; here it has as many as the tunnel.
  stalled64: {
    ...{ what: 'p99 beside 64 who do not read', unit: 'ms', relation: '<=', bar: 10 },
    of: 2.94,
  },
  stalled400: {
    ...{ what: 'p99 beside 400 who do not read', unit: 'ms', relation: '<=', bar: 50 },
    of: 2.94,
  },
  // An empty program of Node, from its start to its end.
  opened: {
    ...{ what: 'start of the command to the first 200', unit: 'ms', relation: '<=', bar: 100 },
    of: 45,
  },
  // Raw sockets over the same delay, without TLS; here by TLS.
  longDown: {
    ...{ what: 'one stream down over 50 ms', unit: 'MB/s', relation: '>=', bar: 60 },
    of: 142,
  },
  longUp: {
    ...{ what: 'one stream up over 50 ms', unit: 'MB/s', relation: '>=', bar: 60 },
    of: 136,
  },
} as const satisfies Record<string, Bar>

/** Judges a figure by its share of the floor's figure, and says how it stands to the bar itself. */
export function judgeShare(name: keyof typeof BARS, figure: number, floor: number): void {
  if (Number.isNaN(figure) || Number.isNaN(floor)) {
    console.log(`  MISSED  ${BARS[name].what}: not measured`)
    return
  }
  const { what, unit, relation, bar, of } = BARS[name]
  const share = Number((bar / of).toFixed(2))
  judge(`${what}, of the floor`, figure / floor, relation, share)
  const met = relation === '<=' ? figure <= bar : figure >= bar
  const standing = met ? 'met here too' : 'not on this machine'
  console.log(
    `          (${show(figure)} ${unit} of ${show(floor)}; ${relation} ${bar} of ${show(of)} where the bar was set: ${standing})`,
  )
}

function show(figure: number): string {
  return figure.toFixed(figure < 1 ? 3 : figure < 100 ? 1 : 0)
}
