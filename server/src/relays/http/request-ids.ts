import { randomBytes } from 'node:crypto'

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
const TIME_LENGTH = 10
const COUNT_LENGTH = 4
const RANDOM_LENGTH = 12

/**
 * Makes ids of requests: as ids are everywhere, text order is time order. Only their random part, which is drawn anew each millisecond,
 * is not: a relay makes 20,000 in a second.
 */
export function requestIds(nowMs: () => number): () => string {
  let ms = 0
  let count = 0
  let begin = ''
  let end = ''
  return () => {
    const now = nowMs()
    if (now !== ms) {
      ms = now
      count = 0
      begin = `req_${encode(now, TIME_LENGTH)}`
      end = letters(RANDOM_LENGTH)
    }
    return begin + encode(count++, COUNT_LENGTH) + end
  }
}

function encode(number: number, length: number): string {
  let text = ''
  for (let rest = number, place = 0; place < length; place++) {
    text = ALPHABET[rest % 32] + text
    rest = Math.floor(rest / 32)
  }
  return text
}

function letters(count: number): string {
  return Array.from(randomBytes(count), (byte) => ALPHABET[byte % 32]).join('')
}
