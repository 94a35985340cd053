const ONE_SEGMENT = 1
const ANYTHING = 2

/** Longer addresses match no pattern: the time that a match takes grows with both lengths. */
const MAX_TEXT = 8192

/**
 * Whether a URL is the given one, or fits it as a pattern: `*` stands for anything but a slash, `**` for anything. Takes time in
 * proportion to both lengths, whatever they hold.
 */
export function matchesUrl(pattern: string, url: string): boolean {
  if (url === pattern) return true
  return pattern.includes('*') && url.length <= MAX_TEXT && fits(tokensOf(pattern), url)
}

type Token = string | typeof ONE_SEGMENT | typeof ANYTHING

function tokensOf(pattern: string): Token[] {
  return (pattern.match(/\*+|[^*]/g) ?? []).map((part) =>
    part === '*' ? ONE_SEGMENT : part.startsWith('*') ? ANYTHING : part,
  )
}

/** Walks over the text with the set of all places in the pattern that it may have come to. */
function fits(tokens: Token[], text: string): boolean {
  let places = new Uint8Array(tokens.length + 1)
  places[0] = 1
  skipStars(tokens, places)
  for (let at = 0; at < text.length; at++) {
    const next = new Uint8Array(tokens.length + 1)
    for (const [place, token] of tokens.entries()) {
      if (!places[place]) continue
      if (typeof token === 'string') next[place + 1]! |= Number(token === text[at])
      else if (token === ANYTHING || text[at] !== '/') next[place] = 1
    }
    skipStars(tokens, next)
    places = next
  }
  return places[tokens.length] === 1
}

/** A star may stand for nothing. */
function skipStars(tokens: Token[], places: Uint8Array): void {
  for (const [place, token] of tokens.entries()) {
    if (places[place] && typeof token !== 'string') places[place + 1] = 1
  }
}
