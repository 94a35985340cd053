import { defineProblems } from '#kernel/problem.ts'

/** Every way in which relays can refuse. */
export const problems = defineProblems({
  notFound: {
    code: 'relay.not_found',
    status: 404,
    title: 'No such relay',
    detail: 'There is no relay {id}.',
    suggestion: 'List them with GET /api/v1/relays.',
  },
  wrongState: {
    code: 'relay.wrong_state',
    status: 409,
    title: 'The relay cannot do that now',
    detail: 'The relay {id} is {status}; it would have to be {wanted}.',
    suggestion: 'Read it until its status is the wanted one.',
  },
  builtin: {
    code: 'relay.builtin',
    status: 409,
    title: 'That is the relay of the control plane itself',
    detail: '{id} runs in a process of the control plane and cannot be deleted.',
    suggestion: 'Stop it with POST /api/v1/proxy/stop, or leave relay out of ROLES.',
  },
  notOurs: {
    code: 'relay.not_ours_to_start',
    status: 409,
    title: 'That relay is started where it runs',
    detail: '{id} has joined by itself; Gantry did not start it and cannot start it again.',
    suggestion:
      'Start `gantry serve --roles=relay` on its machine, with a new token of POST /api/v1/fleet/join-tokens if it was ended; or start a new relay without relayId.',
  },
  ambiguous: {
    code: 'relay.ambiguous',
    status: 422,
    title: 'It has to be said which relay',
    detail: '{count} relays could be stopped.',
    suggestion: 'Name one of GET /api/v1/relays as relayId.',
  },
  noProvider: {
    code: 'relay.provider_cannot_start',
    status: 409,
    title: 'That provider starts no relays',
    detail: 'The provider {provider} cannot start relays: {reason}.',
    suggestion:
      'Run `gantry serve --roles=relay` there with a token of POST /api/v1/fleet/join-tokens.',
  },
  settingsChanged: {
    code: 'relay.settings_changed',
    status: 409,
    title: 'The settings were changed meanwhile',
    detail: 'The version is {version} by now; you wrote over version {written}.',
    suggestion: 'Read them again and repeat the change.',
  },
  joinRefused: {
    code: 'relay.join_refused',
    status: 403,
    title: 'The join token is not accepted',
    detail: 'The token is unknown, has expired, was used by another machine or is for a node.',
    suggestion: 'Make a new one with POST /api/v1/fleet/join-tokens.',
  },
  ended: {
    code: 'relay.ended',
    status: 403,
    title: 'That relay was ended',
    detail:
      'The relay {id} was ended after this token was made: what it has joined with counts no more.',
    suggestion:
      'Make a new token with POST /api/v1/fleet/join-tokens and start it with that, if it is to come back.',
  },
  alreadyJoined: {
    code: 'relay.already_joined',
    status: 409,
    title: 'That machine has a relay that lives',
    detail: 'The relay {id} of that machine beats.',
    suggestion: 'Stop the other process, wait 30 seconds and join again.',
  },
  ticketRefused: {
    code: 'relay.ticket_refused',
    status: 401,
    title: 'The ticket is not accepted',
    detail: 'The ticket of the agent has expired, or is none of this Gantry.',
    suggestion: 'Ask for a new one with POST /api/v1/tunnel-agents.',
  },
  unauthenticated: {
    code: 'relay.unauthenticated',
    status: 401,
    title: 'The relay is not known',
    detail: 'The request carries no credential of a relay, or one that a later join has replaced.',
    suggestion: 'Join again with a join token.',
  },
})
