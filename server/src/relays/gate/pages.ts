import { escapeHtml as escape } from '#kernel/html.ts'
import type { Problem } from '#kernel/problem.ts'

/** What a browser shows of a refusal. */
export function problemPage(problem: Problem): string {
  const { kind, message, suggestion } = problem
  return page(
    kind.title,
    `<p>${marked(message)}</p>
${suggestion ? `<p>${marked(suggestion)}</p>` : ''}
<p class="code">${kind.status} <code>${escape(kind.code)}</code></p>`,
  )
}

export interface PasswordPage {
  /** Where the visitor wanted to go, on this host. */
  to: string
  /** What was wrong with the try before. */
  fault?: string | undefined
  /** Where people sign in instead, if they may. */
  signIn?: string | undefined
}

export function passwordPage({ to, fault, signIn }: PasswordPage): string {
  const described = fault ? ' aria-invalid="true" aria-describedby="fault"' : ''
  return page(
    'This page asks for a password',
    `<form method="post" action="/.gantry/password">
<input type="hidden" name="to" value="${escape(to)}">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required autofocus maxlength="256"${described}>
${fault ? `<p id="fault" class="fault" role="alert">${escape(fault)}</p>` : ''}
<button>Open</button>
</form>
${signIn ? `<p>Was it shared with you? <a href="${escape(signIn)}">Sign in instead</a></p>` : ''}`,
  )
}

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: light-dark(#f5f6f8, #14161a); color: light-dark(#1b1f24, #e8eaed); }
main { box-sizing: border-box; width: min(30rem, 100vw - 2rem); padding: 2rem; border: 1px solid light-dark(#d8dce2, #33383f); border-radius: 12px; background: light-dark(#fff, #1c1f24); }
h1 { margin: 0 0 1rem; font-size: 1.35rem; line-height: 1.3; }
label { display: block; margin-bottom: .25rem; font-weight: 600; }
input { box-sizing: border-box; width: 100%; padding: .6rem .75rem; font: inherit; color: inherit; background: transparent; border: 1px solid light-dark(#767d88, #8b929c); border-radius: 8px; }
button { margin-top: 1rem; padding: .6rem 1.25rem; font: inherit; font-weight: 600; color: #fff; background: #1f5fd0; border: 0; border-radius: 8px; cursor: pointer; }
:focus-visible { outline: 3px solid light-dark(#1f5fd0, #8ab4ff); outline-offset: 2px; }
a { color: light-dark(#1f5fd0, #8ab4ff); }
.fault { color: light-dark(#b3261e, #ff9d94); }
.code { margin-bottom: 0; font-size: .875rem; color: light-dark(#59616c, #a2a9b3); }
`

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>${escape(title)}</h1>
${body}
</main>
</body>
</html>
`
}

/** Text with code between backquotes. */
function marked(text: string): string {
  return escape(text).replace(/`([^`]+)`/g, '<code>$1</code>')
}
