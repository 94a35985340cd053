/**
 * Gives back what the loading of much code has left: sources, what was compiled of them, and the pages of a young generation that grew
 * meanwhile. For use once a part that is large has been loaded, since nothing else runs for the 150 ms that it takes: of a start it
 * returns 45 MiB of 180, of Playwright 27. Does nothing where Node was begun without `--expose-gc`.
 */
export function releaseLoadMemory(): void {
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' })
}
