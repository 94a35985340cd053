import type { ServerResponse } from 'node:http'
import type { EgressFailure } from './egress-failure.ts'

/** What the browser shows in place of a page that it may not reach, or cannot. */
export function answerWithPage(response: ServerResponse, failure: EgressFailure, host: string) {
  const { status, title, headers } = failure
  response.writeHead(status, title, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
    'cache-control': 'no-store',
    // An upload that is still under way is not waited for.
    ...(response.req.complete ? {} : { connection: 'close' }),
    ...headers,
  })
  response.end(`<!doctype html>
<html lang="en">
<title>${title}</title>
<style>body { font: 16px/1.5 sans-serif; max-width: 40em; margin: 4em auto; padding: 0 1em }</style>
<h1>${title}</h1>
<p>${escapeHtml(failure.explain(host))}</p>
</html>
`)
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
