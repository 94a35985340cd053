-- The keys that seal what the database holds, and the life of the keys that sign tokens.

create table sealing_keys (
  -- Follows from the key: 16 hexadecimal digits.
  id text primary key check (id ~ '^[0-9a-f]{16}$'),
  source text not null check (source in ('file', 'kms')),
  -- Of a key from KMS: what KMS opens it from, and the KMS key. A key from a file is in no database.
  wrapped bytea,
  kms_key_id text,
  state text not null check (state in ('next', 'active', 'retiring', 'retired')),
  created_at timestamptz not null,
  activated_at timestamptz,
  retiring_at timestamptz,
  retired_at timestamptz,
  check ((source = 'kms') = (kms_key_id is not null)),
  check (source = 'file' or wrapped is not null or state = 'retired')
);
create unique index sealing_keys_one_active on sealing_keys (state) where state = 'active';
create unique index sealing_keys_one_next on sealing_keys (state) where state = 'next';

-- What cursors, capability URLs and the hashes of API keys hang on, sealed: it outlives every sealing key. One row.
create table root_secret (
  id text primary key default 'root' check (id = 'root'),
  -- `master key` where there was data before this table: what was derived from that key has to stay.
  origin text not null check (origin in ('master key', 'random')),
  sealed bytea
);
insert into root_secret (origin)
select case when exists (select from signing_keys) then 'master key' else 'random' end;

grant select, insert, update (state, wrapped, activated_at, retiring_at, retired_at) on sealing_keys to gantry_app;
grant select, update (sealed) on root_secret to gantry_app;

alter table signing_keys drop constraint signing_keys_state_check, alter column sealed_private drop not null;
update signing_keys set state = 'gone', sealed_private = null where state = 'retired';
alter table signing_keys
  -- The row's key is the one that KMS signs with, if it is set.
  add column kms_key_id text,
  add column algorithm text not null default 'EdDSA' check (algorithm in ('EdDSA', 'RS256', 'ES256')),
  -- When a key that is published is to sign.
  add column activates_at timestamptz,
  add column activated_at timestamptz,
  add column retiring_at timestamptz,
  add column gone_at timestamptz,
  add constraint signing_keys_state_check check (state in ('next', 'active', 'retiring', 'gone')),
  -- A key that signs no more has no private half.
  add constraint signing_keys_private_check check (
    case when state in ('next', 'active') then (sealed_private is null) = (kms_key_id is not null)
    else sealed_private is null end);
alter table signing_keys alter column algorithm drop default;
update signing_keys set activated_at = created_at where state = 'active';
create unique index signing_keys_one_next on signing_keys (state) where state = 'next';

grant update (state, sealed_private, activated_at, retiring_at, gone_at) on signing_keys to gantry_app;
