/** Spreadsheets take a cell that begins so for a formula (OWASP: CSV injection). */
const FORMULA = /^[=+\-@\t\r]/

/** One line (RFC 4180). What is undefined is an empty cell. */
export function csvLine(cells: readonly (string | number | undefined)[]): string {
  return `${cells.map((value) => cell(String(value ?? ''))).join(',')}\r\n`
}

function cell(text: string): string {
  const safe = FORMULA.test(text) ? `'${text}` : text
  return /[",\r\n']/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
