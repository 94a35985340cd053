const MAX_BYTES = 200
const MAX_EXTENSION = 20
const NOT_IN_NAMES = /[\p{Cc}\p{Cf}<>:"|?*]/gu

/** The last part of what is meant to be a file's name, as any system can keep it, with its extension. */
export function safeFileName(given: string): string {
  const last = given.toWellFormed().split(/[/\\]/).at(-1)!
  const name = last.replace(NOT_IN_NAMES, '_').trim().replace(/^\.+/, '')
  return cut(name) || 'file'
}

/** The name, or with a number in front of its extension when it is among those that are taken. */
export function freeFileName(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name
  const { stem, extension } = parts(name)
  for (let number = 1; ; number++) {
    const other = `${stem} (${number})${extension}`
    if (!taken.has(other)) return other
  }
}

function cut(name: string): string {
  if (Buffer.byteLength(name) <= MAX_BYTES) return name
  const { stem, extension } = parts(name)
  const room = MAX_BYTES - Buffer.byteLength(extension)
  return (
    Buffer.from(stem)
      .subarray(0, room)
      .toString()
      .replace(/\ufffd+$/, '') + extension
  )
}

function parts(name: string): { stem: string; extension: string } {
  const dot = name.lastIndexOf('.')
  if (dot <= 0 || name.length - dot > MAX_EXTENSION) return { stem: name, extension: '' }
  return { stem: name.slice(0, dot), extension: name.slice(dot) }
}
