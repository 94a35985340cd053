import { escapeHtml } from '#kernel/html.ts'

interface Page {
  title: string
  /** Trusted HTML. */
  body: string
  styles?: readonly string[]
  scripts?: readonly string[]
}

export function page({ title, body, styles = [], scripts = [] }: Page): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<link rel="icon" href="/console/icon.svg" type="image/svg+xml">
${styles.map((path) => `<link rel="stylesheet" href="${path}">`).join('\n')}
</head>
<body>
${body}
${scripts.map((path) => `<script src="${path}"></script>`).join('\n')}
</body>
</html>
`
}
