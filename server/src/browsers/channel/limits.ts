export const MAX_MESSAGE_BYTES = 1024 * 1024
/** From the connection to a credential that counts. */
export const ADMIT_MS = 5_000
/** Connections that have shown no credential yet, in one process. */
export const MAX_STRANGERS = 500
export const MAX_SOCKETS_PER_ACCOUNT = 100
export const MAX_WATCHED = 20
export const MAX_OPEN_MESSAGES = 50
export const MESSAGES_PER_SECOND = 100
export const MESSAGES_AT_ONCE = 200
/** Whoever sends so many packets is not sent refusals any more, but away. */
export const PACKETS_PER_SECOND = 1_000
export const PACKETS_AT_ONCE = 2_000
/** Of events that a client has not read. */
export const MAX_UNREAD_EVENT_BYTES = 4 * 1024 * 1024
/** Of everything that it has not read, the results of its commands too. */
export const MAX_UNREAD_BYTES = 64 * 1024 * 1024
/** A replay begins when the client has read the rest but for this. */
export const REPLAY_BELOW_BYTES = 1024 * 1024
/** A dropped client may come back for this long: until then its sessions go on telling what happens in them. */
export const LINGER_MS = 60_000
export const MAX_LINGERING = 500
/** Credentials and ends of sessions are looked at this often. */
export const LOOK_EVERY_MS = 1_000
/** A credential that cannot be looked up (a database that is away) counts for so long. */
export const UNVERIFIED_MS = 30_000
/** A node in another process is asked again for a feed that is quiet for this long. */
export const QUIET_MS = 10_000
