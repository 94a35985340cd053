/** Lines of a table; a bar in a cell would end it, a line break too. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replace(/\s*\n\s*/g, ' ')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)]
}

/** A generated page: its title, whence it comes, and its parts with a blank line between them. */
export function page(title: string, from: string, parts: readonly string[]): string {
  const origin = `Generated from ${from}; \`npm run generate\` writes it again.`
  return `${[`# ${title}`, origin, ...parts].join('\n\n')}\n`
}

export const code = (text: string) => `\`${text}\``
