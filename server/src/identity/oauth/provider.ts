/** What goes along to the provider, and comes back from nobody else. */
export interface Visit {
  redirectUri: string
  state: string
  /** Of PKCE; only its hash goes along. */
  verifier: string
  nonce: string
  /** Whether the person has to sign in there again, although they are. */
  afresh: boolean
}

/** What a provider says of a person. */
export interface Proof {
  issuer: string
  /** Never given to another person by this issuer. */
  subject: string
  /** Undefined when there is none that could be used. */
  email?: string
  /** Whether the provider has seen to it that the address is theirs. */
  emailVerified: boolean
  firstName?: string
  lastName?: string
  /** When they last proved to the provider who they are, in seconds since 1970; many do not tell. */
  authenticatedAt?: number
}

/** Where people sign in elsewhere. */
export interface Provider {
  readonly id: string
  readonly name: string
  /** Whether it can be asked to let the person sign in again, and tells when they did. */
  readonly provesAgain: boolean
  /** @throws problem `oauth.provider_unavailable` or `oauth.provider_answer_invalid` */
  authorizationUrl(visit: Visit): Promise<URL>
  /**
   * Trades what came back for who it is.
   *
   * @param answer the redirect URI with the query that came
   * @throws problem `oauth.denied`, `oauth.answer_refused`, `oauth.provider_unavailable` or `oauth.provider_answer_invalid`
   */
  identify(answer: URL, visit: Visit): Promise<Proof>
}
