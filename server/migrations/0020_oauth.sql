-- People who sign in with an identity at another provider, and what is kept while one of them is there.

alter table users
  -- Without one, no password is the right one: such a user came from a provider.
  add column has_password boolean not null default true;

create table linked_identities (
  id text primary key,
  user_id text not null references users (id) on delete cascade,
  -- As the configuration names it.
  provider text not null check (length(provider) between 1 and 31),
  -- Whose identity it is, is told by these two alone: never by an address.
  issuer text not null check (length(issuer) between 1 and 500),
  subject text not null check (length(subject) between 1 and 255),
  -- As the provider told it last, for the person to know it by.
  email text check (length(email) <= 254),
  created_at timestamptz not null,
  last_used_at timestamptz,
  unique (issuer, subject)
);
create index linked_identities_by_user on linked_identities (user_id, created_at);

-- A browser that was sent to a provider, until what came of it has been used.
create table provider_visits (
  -- SHA-256 of the state that went along; verifier and nonce are made from the state itself, under a key of the installation.
  state_hash bytea primary key check (octet_length(state_hash) = 32),
  -- SHA-256 of the cookie of the browser: nobody else can go on with it.
  browser_hash bytea not null check (octet_length(browser_hash) = 32),
  provider text not null,
  purpose text not null check (purpose in ('sign_in', 'link', 'step_up')),
  -- Of whoever links or proves again who they are.
  sign_in_id text,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  -- Set once: a state that comes back counts for nothing the second time.
  answered_at timestamptz,
  -- SHA-256 of the code that the answer was traded for.
  code_hash bytea unique check (octet_length(code_hash) = 32),
  -- What the provider says of the person.
  proof jsonb,
  check ((purpose = 'sign_in') = (sign_in_id is null)),
  check ((code_hash is null) = (proof is null)),
  check (code_hash is null or answered_at is not null)
);
create index provider_visits_by_end on provider_visits (expires_at);

grant select, insert, update, delete on linked_identities, provider_visits to gantry_app;
