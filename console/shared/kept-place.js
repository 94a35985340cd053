const KEPT = 'gantry-place'
/** As long as a visit to a provider may take, with the code that follows it. */
const KEPT_MS = 12 * 60_000

/** Keeps where this tab wants to go, and what goes with it, while the browser is at a provider. */
export function keepPlace(name, token) {
  try {
    if (name === undefined) sessionStorage.removeItem(KEPT)
    else sessionStorage.setItem(KEPT, JSON.stringify({ name, token, atMs: Date.now() }))
  } catch {
    // Whoever comes back without it begins on the first page.
  }
}

/** Once: whatever is read is kept no longer. */
export function takePlace() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? '{}')
    sessionStorage.removeItem(KEPT)
    return Date.now() - kept.atMs < KEPT_MS ? kept : {}
  } catch {
    return {}
  }
}
