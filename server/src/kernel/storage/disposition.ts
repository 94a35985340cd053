/** `Content-Disposition` that makes a browser save the file, under `name` if given, whatever characters it has (RFC 6266). */
export function attachment(name?: string): string {
  const base = name?.toWellFormed().split(/[/\\]/).at(-1) ?? ''
  // Direction marks could make "exe.pdf" of "fdp.exe".
  const clean = base.replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, '').slice(0, 200)
  if (!clean) return 'attachment'
  const plain = clean.replace(/[^\x20-\x7e]|["%]/g, '_')
  const exact = encodeURIComponent(clean.toWellFormed()).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `attachment; filename="${plain}"; filename*=UTF-8''${exact}`
}
