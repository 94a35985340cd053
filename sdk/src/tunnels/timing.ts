import { PING_EVERY_MS } from './link-protocol.ts'

/** Every wait of an agent, in one place, so that tests can be quick. */
export interface Timing {
  /** Of each step of opening a link. */
  stepMs: number
  /** Until a local service takes a connection. */
  dialMs: number
  pingEveryMs: number
  /** For the answer to a PING; after two without one, the link is dead. */
  pongMs: number
  /** For an answer after the machine slept or its network changed. */
  probeMs: number
  /** How often it looks whether either happened. */
  lookEveryMs: number
  /** Time of day that a look may be late by; more is a sleep. */
  sleptMs: number
  /** Until it looks again for a second relay; doubled each time. */
  lookFirstMs: number
  /** The longest of these. */
  lookAgainMs: number
  /** Agents that are told of a new relay together look for it within this. */
  toldMs: number
  /** Between two looks whether a tunnel that it waits for is free. */
  standByMs: number
  /** How long an invitation of the API opens links. */
  invitedMs: number
  /** A link that stood for so long begins its waits from the shortest again. */
  steadyMs: number
  now(): number
}

export const TIMING: Timing = {
  ...{ stepMs: 10_000, dialMs: 10_000 },
  ...{ pingEveryMs: PING_EVERY_MS, pongMs: 5_000, probeMs: 2_000 },
  ...{
    lookEveryMs: 2_000,
    sleptMs: 5_000,
    lookFirstMs: 5_000,
    lookAgainMs: 300_000,
    toldMs: 1_000,
    standByMs: 15_000,
    invitedMs: 40_000,
    steadyMs: 10_000,
  },
  now: () => Date.now(),
}
