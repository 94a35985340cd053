const MAX_LENGTH = 100
/** What a mail program would make a link of. */
const ADDRESSES = /\b(?:[a-z][a-z0-9+.-]*:\/\/|www\.)\S*|\b(?:[a-z0-9-]+\.)+[a-z]{2,}\/\S*/gi

/**
 * A text that somebody chose themselves, such as a name, for a mail to somebody else: short, and without addresses that a mail
 * program would make links of.
 */
export function foreign(text: string): string {
  const plain = text.replace(ADDRESSES, '[…]')
  return plain.length > MAX_LENGTH ? `${plain.slice(0, MAX_LENGTH)}…` : plain
}
