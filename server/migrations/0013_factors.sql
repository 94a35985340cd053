-- Second factors: authenticator apps, backup codes and passkeys; and what is kept while one of them is asked for.

create table totp_secrets (
  -- Begins with the user's id: what is sealed for it opens for nobody else.
  id text primary key check (starts_with(id, user_id || '.')),
  user_id text not null references users (id),
  -- A new secret waits for its first right code; until then the active one counts.
  state text not null check (state in ('pending', 'active')),
  sealed_secret bytea not null,
  -- That began the enrolment, and alone may finish it.
  sign_in_id text not null,
  created_at timestamptz not null,
  -- Of the newest code that was taken, in units of 30 s since 1970: no code of this step or an earlier one is taken again.
  last_step bigint,
  unique (user_id, state),
  check ((state = 'active') = (last_step is not null))
);

create table backup_codes (
  user_id text not null references users (id),
  -- HMAC-SHA-256 under a key of the installation; the code itself is not kept.
  code_hash bytea not null check (octet_length(code_hash) = 32),
  created_at timestamptz not null,
  used_at timestamptz,
  primary key (user_id, code_hash)
);

create table passkeys (
  id text primary key,
  user_id text not null references users (id),
  name text not null check (length(name) between 1 and 100),
  credential_id bytea not null unique check (octet_length(credential_id) between 1 and 1023),
  -- COSE.
  public_key bytea not null,
  -- As the authenticator counts its signatures; 0 for ever where it does not.
  sign_count bigint not null check (sign_count >= 0),
  transports text[] not null,
  -- Whether it may be copied to other devices of the person, and whether it has been.
  is_synced boolean not null,
  created_at timestamptz not null,
  last_used_at timestamptz
);
create index passkeys_by_user on passkeys (user_id, created_at);

-- A password was right; the second factor is awaited.
create table sign_in_challenges (
  -- SHA-256 of its id.
  challenge_hash bytea primary key check (octet_length(challenge_hash) = 32),
  user_id text not null references users (id),
  -- Version of the user then: a changed password or role voids the challenge.
  user_ver integer not null,
  -- Address or /64 that the password came from.
  network text not null,
  amr text[] not null,
  tries smallint not null default 0 check (tries between 0 and 5),
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz
);
create index sign_in_challenges_by_user on sign_in_challenges (user_id);
create index sign_in_challenges_by_end on sign_in_challenges (expires_at);

-- What a passkey is asked to sign.
create table passkey_ceremonies (
  -- SHA-256 of the challenge that the browser is given.
  challenge_hash bytea primary key check (octet_length(challenge_hash) = 32),
  purpose text not null check (purpose in ('register', 'sign_in', 'second_factor')),
  -- The sign-in that registers, or the challenge of the sign-in that awaits its second factor, in hexadecimal.
  bound_to text,
  expires_at timestamptz not null,
  check ((purpose = 'sign_in') = (bound_to is null))
);
create index passkey_ceremonies_by_end on passkey_ceremonies (expires_at);

-- Wrong proofs of each person, whatever the factor; those that are being checked count too.
create table factor_tries (
  user_id text primary key references users (id),
  window_started_at timestamptz not null,
  tries smallint not null check (tries between 0 and 10)
);

-- Devices that need no second factor for a while.
create table remembered_devices (
  id text primary key,
  user_id text not null references users (id),
  user_ver integer not null,
  -- The last one of the device; it may have been deleted since.
  sign_in_id text not null,
  token_hash bytea not null unique check (octet_length(token_hash) = 32),
  ip_address text,
  user_agent text check (length(user_agent) <= 512),
  created_at timestamptz not null,
  expires_at timestamptz not null,
  last_used_at timestamptz not null
);
create index remembered_devices_by_user on remembered_devices (user_id, last_used_at);
create index remembered_devices_by_sign_in on remembered_devices (sign_in_id);
create index remembered_devices_by_end on remembered_devices (expires_at);

-- Whether everybody who acts for the account needs a second factor.
alter table accounts add column require_second_factor boolean not null default false;

grant select, insert, update, delete on totp_secrets, backup_codes, passkeys, sign_in_challenges, factor_tries, remembered_devices
to gantry_app;
grant select, insert, delete on passkey_ceremonies to gantry_app;
grant update (require_second_factor, updated_at) on accounts to gantry_app;
