import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import type { TunnelAgent } from '@gantry/sdk/tunnels'
import { type Shape, View } from './view.ts'

const NOON = new Date(2026, 10, 22, 12, 3, 4)

/** The lines of requests for these paths. */
function linesOf(paths: readonly string[], shape: Shape, columns: number): string[] {
  const agent = Object.assign(new EventEmitter(), { tunnels: [{}], links: [] })
  let text = ''
  const output = { columns, write: (more: string) => (text += more) }
  using _view = new View(agent as unknown as TunnelAgent, shape, output, () => NOON)
  const line = { method: 'GET', status: 200, durationMs: 12.4, tunnel: 'shop', more: 0 }
  for (const path of paths) agent.emit('request', { ...line, path })
  return text
    .split('\n')
    .map((one) => one.slice(one.lastIndexOf('\u001b[2K') + 1).replace('[2K', ''))
    .filter((one) => one.includes('GET'))
}

test('in a narrow terminal a request is one line: its path is shortened, its answer is not', () => {
  const long = '/a/very/long/path/with/many/parts/and?query=1&more=2'
  const [short, cut] = linesOf(['/cart', long], 'live', 40)
  assert.equal(short, '12:03:04 GET    /cart  200  12 ms')
  assert.equal(cut, '12:03:04 GET    /a/very/…e=2  200  12 ms')
  assert.equal(cut.length, 40)
  assert.deepEqual(linesOf([long], 'lines', 40), [`12:03:04 GET    ${long}  200  12 ms`])
})

test('a line of JSON says when, for programs that keep it', () => {
  const [line] = linesOf(['/cart'], 'json', 80)
  const { event, time, path } = JSON.parse(line!)
  assert.deepEqual([event, time, path], ['request', NOON.toISOString(), '/cart'])
})
