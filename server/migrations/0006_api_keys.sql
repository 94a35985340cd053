-- Keys that programs act with, in the name of whoever made them.

create table api_keys (
  id text primary key,
  account_id text not null references accounts (id),
  created_by text not null references users (id),
  name text not null check (length(name) between 1 and 100),
  mode text not null check (mode in ('live', 'test')),
  -- The beginning of the key, for people to tell it by.
  prefix text not null check (length(prefix) = 12),
  -- HMAC-SHA-256 under a key of the installation; the key itself is not kept.
  key_hash bytea not null unique check (octet_length(key_hash) = 32),
  scopes text[] not null check (cardinality(scopes) between 1 and 50),
  -- Addresses and ranges that it may be used from; anywhere when empty.
  allowed_addresses text[] not null default '{}' check (cardinality(allowed_addresses) <= 50),
  created_at timestamptz not null,
  expires_at timestamptz not null check (expires_at > created_at),
  last_used_at timestamptz,
  last_used_ip text,
  revoked_at timestamptz,
  replaced_by text unique references api_keys (id) on delete set null,
  -- Until when the replaced key still counts.
  overlap_ends_at timestamptz,
  -- The key, sealed: for a client that lost the answer and asks again with its idempotency key; emptied after 10 minutes.
  sealed_key bytea,
  check (replaced_by is null or overlap_ends_at is not null)
);
create index api_keys_by_account on api_keys (account_id, created_at desc, id desc);
create index api_keys_sealed on api_keys (created_at) where sealed_key is not null;
create index api_keys_by_end on api_keys (least(expires_at, revoked_at, overlap_ends_at));

grant select, insert, update, delete on api_keys to gantry_app;

-- A command takes 120 s at most, and so does the default for it.
update users
set settings = jsonb_set(settings, '{browserPreferences,defaultTimeout}', '120000')
where (settings #> '{browserPreferences,defaultTimeout}')::text::numeric > 120000;
