const KEPT = 'gantry-theme'

/** `light` and `dark` hold whatever the system says. Kept on this device, so that the next page starts in it. */
export function showTheme(theme) {
  const isChosen = theme === 'light' || theme === 'dark'
  if (isChosen) document.documentElement.dataset.theme = theme
  else delete document.documentElement.dataset.theme
  try {
    if (isChosen) localStorage.setItem(KEPT, theme)
    else localStorage.removeItem(KEPT)
  } catch {
    // A browser that keeps nothing shows the theme all the same.
  }
}

/** The theme that was shown here last, before anybody is known. */
export function recallTheme() {
  try {
    showTheme(localStorage.getItem(KEPT))
  } catch {
    // As above.
  }
}
