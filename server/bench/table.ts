import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'

type Row = readonly (string | number)[]

/** Prints one table: text to the left, numbers to the right, and under it what kind of moment it was measured in. */
export function printTable(title: string, head: readonly string[], rows: readonly Row[]): void {
  const cells = [head, ...rows].map((row) => row.map(String))
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)))
  const line = (row: readonly string[]) =>
    row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!)))
  const rule = widths.map((width) => '-'.repeat(width))
  const lines = [cells[0]!, rule, ...cells.slice(1)].map((row) => `  ${line(row).join('  ')}`)
  console.log(`\n${title}\n\n${lines.join('\n')}\n`)
}

/** Says whether a bar is met. */
export function judge(what: string, value: number, relation: '<=' | '>=', bar: number): void {
  const met = relation === '<=' ? value <= bar : value >= bar
  console.log(`  ${met ? 'met   ' : 'MISSED'}  ${what}: ${value.toFixed(2)} ${relation} ${bar}`)
}

/** Cores and load average, without which a figure says little. */
export function printMachine(): void {
  const load = readFileSync('/proc/loadavg', 'utf8').split(' ').slice(0, 3).join(' ')
  console.log(`  (${cpus().length} cores, Node ${process.versions.node}, load ${load})`)
}
