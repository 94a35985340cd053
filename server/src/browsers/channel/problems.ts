import { defineProblems } from '#kernel/problem.ts'

/** How the live channel itself can refuse; what it is used for refuses in its own words. */
export const channelProblems = defineProblems({
  wrongHost: {
    code: 'channel.wrong_host',
    status: 421,
    title: 'This server does not go by that name',
    suggestion: 'Use the address that the operator has published.',
  },
  originRefused: {
    code: 'channel.origin_refused',
    status: 403,
    title: 'Pages of that origin may not connect',
    detail: 'Pages of {origin} may not open a live channel.',
    suggestion: 'The operator can add the origin to CORS_ORIGINS. Programs send no Origin.',
  },
  tooManySockets: {
    code: 'channel.too_many_sockets',
    status: 429,
    title: 'Too many live channels are open',
    detail: '{limit} live channels {whose} are open, and no more may be.',
    suggestion: 'Close one that is not used: one channel can watch 20 sessions.',
  },
  tooManyMessages: {
    code: 'channel.too_many_messages',
    status: 429,
    title: 'Too many messages',
    detail: 'A live channel takes {limit} messages a second; this one was not looked at.',
    suggestion: 'Send it again later, and slower.',
  },
  tooManyCommands: {
    code: 'channel.too_many_commands',
    status: 429,
    title: 'Too many messages wait for their answers',
    detail: '{limit} messages of this channel have no answer yet.',
    suggestion: 'Await some of the answers first.',
  },
  tooManyWatched: {
    code: 'channel.too_many_watched',
    status: 429,
    title: 'Too many sessions are watched',
    detail: 'One live channel watches {limit} sessions at most.',
    suggestion: 'Send unwatch for one of them, or open another channel.',
  },
  notWatched: {
    code: 'channel.not_watched',
    status: 409,
    title: 'The session is not watched',
    detail: 'This channel does not watch the session {id}.',
  },
  tooSlow: {
    code: 'channel.too_slow',
    status: 429,
    title: 'The client reads too slowly',
    detail: 'More than {limit} bytes wait for this client to read them.',
    suggestion: 'Watch fewer kinds, or read faster. Come back with the last id that you have.',
  },
  unknownEvent: {
    code: 'channel.unknown_event',
    status: 400,
    title: 'The live channel takes no such event',
    suggestion: 'Send command, state, control, watch, unwatch or authenticate.',
  },
  tooDeep: {
    code: 'channel.too_deep',
    status: 422,
    title: 'The result is nested too deeply',
    detail: 'The result cannot be sent: its members are nested too deeply.',
    suggestion: 'Return something flatter.',
  },
  otherPerson: {
    code: 'channel.other_person',
    status: 409,
    title: 'That is the token of somebody else',
    detail: 'A channel stays with the person and the account that opened it.',
    suggestion: 'Open another channel with this token.',
  },
})
