import type { components } from '@gantry/sdk'
import { openClient } from '../credentials.ts'
import { Stop } from '../stop.ts'

type Tunnel = components['schemas']['Tunnel']

interface Page {
  items: Tunnel[]
  nextCursor: string | null
}

const MOST_PAGES = 100

export async function listTunnels(asJson: boolean): Promise<void> {
  const { client } = await openClient()
  const tunnels: Tunnel[] = []
  let cursor: string | null = null
  for (let page = 0; page < MOST_PAGES; page++) {
    const query: { limit: number; cursor?: string } = { limit: 100, ...(cursor && { cursor }) }
    const { data }: { data: Page } = await client.GET('/api/v1/tunnels', { params: { query } })
    tunnels.push(...data.items)
    cursor = data.nextCursor
    if (cursor === null) break
  }
  if (asJson) print(JSON.stringify(tunnels))
  else if (tunnels.length === 0) print('There are no tunnels yet: gantry tunnel http 3000')
  else
    for (const line of columns(tunnels.map(({ name, status, url }) => [name, status, url])))
      print(line)
}

/** @throws Stop when the account has none of that name */
export async function showTunnel(name: string, asJson: boolean): Promise<void> {
  const { client } = await openClient()
  const query = { name, limit: 100 }
  const { data } = await client.GET('/api/v1/tunnels', { params: { query } })
  const tunnel = data.items.find((one) => one.name === name)
  if (!tunnel)
    throw new Stop(`There is no tunnel ${name}: gantry tunnel list shows those that there are.`)
  if (asJson) {
    print(JSON.stringify(tunnel))
    return
  }
  const { url, status, statusSince, links, endpoints, errorMessage } = tunnel
  const rows = [
    ['address', url],
    ['status', `${status} since ${statusSince}${errorMessage ? `: ${errorMessage}` : ''}`],
    ['links', String(links)],
    ...endpoints.map(({ url, agent, healthStatus, healthMessage }) => [
      'leads to',
      `${url} by ${agent}, ${healthStatus}${healthMessage ? `: ${healthMessage}` : ''}`,
    ]),
  ]
  for (const line of columns(rows)) print(line)
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0]!.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)))
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at]!))
      .join('  ')
      .trimEnd(),
  )
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
