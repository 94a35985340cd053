const email = { name: 'email', label: 'E-mail', type: 'email', autocomplete: 'username' }
const password = {
  name: 'password',
  label: 'Password',
  type: 'password',
  autocomplete: 'current-password',
}
const newPassword = {
  ...{ name: 'password', label: 'New password', type: 'password', autocomplete: 'new-password' },
  hint: 'At least 15 characters. A few words that do not belong together do well.',
}

/** What stands behind `#` in the address, and the form that it opens; a link in a mail brings its token along. Nothing is sent before the button. */
export const panels = {
  'sign-in': {
    title: 'Sign in',
    fields: [email, password],
    button: 'Sign in',
    path: '/auth/login',
    bodyOf: (given) => ({ ...given, session: 'cookie' }),
    more: { href: '#forgot-password', text: 'Forgot your password?' },
  },
  'forgot-password': {
    title: 'Choose a new password',
    text: 'We mail you a link, if a user has this address.',
    fields: [email],
    button: 'Mail the link',
    path: '/auth/forgot-password',
    done: 'Look into your mail: if a user has this address, a link is on its way. It works for 30 minutes.',
  },
  'reset-password': {
    title: 'Choose a new password',
    text: 'All your devices will be signed out.',
    fields: [newPassword],
    button: 'Set the password',
    path: '/auth/reset-password',
    bodyOf: (given, token) => ({ ...given, token }),
    done: 'Your new password holds. Sign in with it.',
  },
  'verify-email': {
    title: 'Confirm your e-mail address',
    text: 'So we can reach you when it matters.',
    fields: [],
    button: 'Confirm the address',
    path: '/auth/verify-email',
    bodyOf: (_given, token) => ({ token }),
    done: 'Your address is confirmed.',
  },
  'confirm-email': {
    title: 'Confirm your new e-mail address',
    text: 'From then on you sign in with it, and mails go there.',
    fields: [],
    button: 'Confirm the new address',
    path: '/auth/change-email/confirm',
    bodyOf: (_given, token) => ({ token }),
    done: 'Your new address holds.',
  },
}

/** The second step of a sign-in: its challenge is kept nowhere but here. */
export function secondFactor({ challengeId }) {
  return {
    title: 'Your second factor',
    text: 'Six digits of your authenticator app, or one of your backup codes.',
    fields: [{ name: 'code', label: 'Code', type: 'text', autocomplete: 'one-time-code' }],
    button: 'Sign in',
    path: ({ code }) => (/^\d{6}$/.test(code) ? '/auth/2fa/verify' : '/auth/2fa/backup/verify'),
    bodyOf: ({ code }) => ({ code: code.trim(), challengeId, session: 'cookie' }),
  }
}
