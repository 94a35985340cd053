import { defineProblems } from '#kernel/problem.ts'

/** Every way in which a relay refuses a visitor, or tells that a service cannot be had. */
export const visitorProblems = defineProblems({
  badRequest: {
    code: 'tunnel.bad_request',
    status: 400,
    title: 'That is no request that can be passed on',
    detail: 'The request is not clear about where it goes or where it ends.',
  },
  methodRefused: {
    code: 'tunnel.method_refused',
    status: 405,
    title: 'This method does not pass',
    detail: '{method} goes no further than this relay.',
    suggestion: 'Use one of those that `Allow` names.',
    category: 'validation',
  },
  unknownHost: {
    code: 'tunnel.unknown_host',
    status: 404,
    title: 'No tunnel has this name',
    detail: 'There is no tunnel at {host}.',
    suggestion: 'Check the address. Whoever runs the service sees it with `gantry tunnel list`.',
  },
  unknownOwnPath: {
    code: 'tunnel.unknown_own_path',
    status: 404,
    title: 'Nothing is here',
    detail: 'Paths below `/.gantry/` are not the service’s.',
  },
  misdirected: {
    code: 'tunnel.misdirected',
    status: 421,
    title: 'The request is for another host than its connection',
    category: 'validation',
  },
  stopped: {
    code: 'tunnel.not_started',
    status: 503,
    title: 'The tunnel is stopped',
    detail: 'Whoever runs this service has stopped its tunnel.',
    level: 'info',
  },
  suspended: {
    code: 'tunnel.taken_down',
    status: 403,
    title: 'This tunnel was taken down',
    detail: 'The operator of the tunnels has suspended this one. It may have been misused.',
    level: 'info',
  },
  quotaExceeded: {
    code: 'tunnel.quota_exceeded',
    status: 429,
    title: 'This tunnel has carried all that it may for now',
    detail: 'The account of this tunnel has used all bytes of this month.',
    suggestion:
      'Come back when `Retry-After` says. Whoever runs the service sees it with GET /api/v1/quotas.',
  },
  noAgent: {
    code: 'tunnel.no_agent',
    status: 503,
    title: 'The service is not connected',
    detail: 'No agent holds this tunnel open now.',
    suggestion:
      'Start it where the service runs: `gantry tunnel http`. It may be back in a moment.',
    level: 'info',
  },
  noEndpoint: {
    code: 'tunnel.no_endpoint',
    status: 503,
    title: 'The tunnel leads nowhere',
    detail: 'None of its endpoints can be used now.',
    level: 'info',
  },
  relayBusy: {
    code: 'tunnel.relay_busy',
    status: 503,
    title: 'The relay is full',
    detail: 'This relay carries as much as it may.',
    level: 'warn',
  },
  unreachable: {
    code: 'tunnel.unreachable',
    status: 503,
    title: 'The tunnel cannot be reached now',
    detail: 'The relay could not learn where the tunnel leads.',
    level: 'warn',
  },
  serviceRefused: {
    code: 'tunnel.service_refused',
    status: 502,
    title: 'The service does not answer',
    detail: 'The agent is connected, but the service behind it took no connection.',
    suggestion: 'Check that the service runs, and on the port that the agent was told.',
    level: 'info',
  },
  serviceFailed: {
    code: 'tunnel.service_failed',
    status: 502,
    title: 'The service broke off',
    detail: 'The connection to the service ended before its answer did.',
    level: 'info',
  },
  timeout: {
    code: 'tunnel.timeout',
    status: 504,
    title: 'The service took too long',
    detail: 'No answer began within {seconds} s.',
    level: 'info',
  },
  bodyTooSlow: {
    code: 'tunnel.body_too_slow',
    status: 408,
    title: 'The body of the request comes too slowly',
    detail: 'Hardly anything of it came in {seconds} s.',
    category: 'validation',
  },
  loop: {
    code: 'tunnel.loop',
    status: 508,
    title: 'The tunnel leads back to itself',
    detail: 'The service behind this tunnel has sent the request to the tunnel again.',
    level: 'info',
  },
  tooManyConnections: {
    code: 'tunnel.too_many_connections',
    status: 429,
    title: 'Too many visitors at once',
    detail: 'This tunnel serves {limit} at once.',
  },
  tooManyRequests: {
    code: 'tunnel.too_many_requests',
    status: 429,
    title: 'Too many requests',
    detail: 'Too much comes from your address at once.',
  },
  tooManyTries: {
    code: 'tunnel.too_many_tries',
    status: 429,
    title: 'Too many tries',
    detail: 'From your address, too many wrong passwords or tokens came.',
    suggestion: 'Wait, and then try again with the right one.',
  },
  hashingBusy: {
    code: 'tunnel.sign_in_busy',
    status: 503,
    title: 'Too many are signing in at once',
    level: 'warn',
  },
  tokenRequired: {
    code: 'tunnel.token_required',
    status: 401,
    title: 'This tunnel asks for a token',
    detail: 'Only holders of a token that counts may come.',
    suggestion:
      'Send it in the header `Gantry-Tunnel-Token`, or open the link that you were given.',
  },
  signInRequired: {
    code: 'tunnel.sign_in_required',
    status: 401,
    title: 'This tunnel asks who you are',
    detail: 'Only people whom it was shared with may come.',
    suggestion:
      'Open it in a browser to sign in. A program sends a token of the tunnel in the header `Gantry-Tunnel-Token`.',
  },
  passwordRequired: {
    code: 'tunnel.password_required',
    status: 401,
    title: 'This tunnel asks for a password',
    detail: 'Only those who know its password may come.',
    suggestion:
      'Open it in a browser. A program sends a token of the tunnel in the header `Gantry-Tunnel-Token`.',
  },
  passwordWrong: {
    code: 'tunnel.password_wrong',
    status: 401,
    title: 'That is not the password',
    detail: 'That is not the password.',
  },
  credentialsRequired: {
    code: 'tunnel.credentials_required',
    status: 401,
    title: 'This tunnel asks for a name and a password',
    detail: 'The name or the password is missing or wrong.',
    suggestion: 'Send them as HTTP Basic authentication, as with `curl --user`.',
  },
  addressRefused: {
    code: 'tunnel.address_refused',
    status: 403,
    title: 'This tunnel is not open to your address',
    detail: 'It is not open to {address}.',
  },
  linkEnded: {
    code: 'tunnel.link_ended',
    status: 403,
    title: 'This link does not count any more',
    detail: 'It is wrong, it has ended, or it was taken back.',
    suggestion: 'Ask whoever gave it to you for a new one.',
  },
  grantEnded: {
    code: 'tunnel.grant_ended',
    status: 403,
    title: 'This tunnel is not shared with this session any more',
    detail: 'What let the browser session in was taken back, or has ended.',
    suggestion: 'Ask whoever runs the service to share it again.',
  },
  takenBack: {
    code: 'tunnel.taken_back',
    status: 403,
    title: 'What let you in was taken back',
    detail: 'It was taken back while the request waited for its turn.',
  },
  visitFailed: {
    code: 'tunnel.visit_failed',
    status: 403,
    title: 'Signing in to this tunnel did not work',
    detail: 'It took too long, or began in another browser.',
    suggestion: 'Open the tunnel again.',
  },
  crossSite: {
    code: 'tunnel.cross_site',
    status: 403,
    title: 'Another site has sent this request',
    detail: 'What you were let in by counts for pages of this tunnel only.',
  },
})

/** Of a tunnel that is to serve nobody. */
export function whyNotStarted({ suspended }: { suspended?: true }) {
  return suspended ? visitorProblems.suspended() : visitorProblems.stopped()
}
