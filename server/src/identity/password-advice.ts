/** What zxcvbn's short names mean, said to the person who chose the password. */
const advice: Readonly<Record<string, string>> = {
  straightRow: 'a row of keys is easy to guess',
  keyPattern: 'a short pattern on the keyboard is easy to guess',
  simpleRepeat: 'one character repeated is easy to guess',
  extendedRepeat: 'a pattern that repeats is easy to guess',
  sequences: 'sequences like abc or 6543 are easy to guess',
  recentYears: 'recent years are easy to guess',
  dates: 'dates are easy to guess',
  topTen: 'this is among the ten most used passwords',
  topHundred: 'this is among the hundred most used passwords',
  common: 'this password is used by many',
  similarToCommon: 'this is close to a password that many use',
  wordByItself: 'a single word is easy to guess',
  namesByThemselves: 'a single name is easy to guess',
  commonNames: 'common names are easy to guess',
  userInputs: 'your own name, your address and the name of this product are easy to guess',
  l33t: 'digits and signs in place of letters help little: use other words',
  reverseWords: 'a word spelled backwards helps little: use other words',
  allUppercase: 'capital letters throughout help little: mix them in, or use more words',
  capitalization: 'a capital at the start helps little: use more words',
  associatedYears: 'leave out years that belong to you',
  repeated: 'repeat neither words nor characters',
  longerKeyboardPattern: 'use a longer pattern that changes direction, or words',
  anotherWord: 'add a word or two that are less common',
  useWords: 'use several words, but no phrase that is known',
}

/** The sentences for a verdict, the reason first. Never empty. */
export function adviceFor(warning: string | null, suggestions: readonly string[]): string[] {
  const names = [...(warning ? [warning] : []), ...suggestions]
  const sentences = names.flatMap((name) => advice[name] ?? [])
  return sentences.length > 0 ? [...new Set(sentences)] : [advice.anotherWord!]
}
