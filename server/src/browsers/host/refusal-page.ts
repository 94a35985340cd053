/** What the browser shows in place of a destination that its session may not reach. */
export function refusalPage(host: string) {
  return {
    statusCode: 403,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
      'cache-control': 'no-store',
      'proxy-status': 'gantry; error=destination_ip_prohibited',
    },
    body: `<!doctype html>
<html lang="en">
<title>Destination not allowed</title>
<style>body { font: 16px/1.5 sans-serif; max-width: 40em; margin: 4em auto; padding: 0 1em }</style>
<h1>Destination not allowed</h1>
<p>This browser may not reach <b>${escapeHtml(host)}</b>: it is not a public address.</p>
<p>Whoever runs this Gantry can allow it by naming it in <code>EGRESS_ALLOW</code>.</p>
</html>
`,
  }
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
