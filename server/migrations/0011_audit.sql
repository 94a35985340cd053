-- The event log as an audit trail: what an event carries beside its data, and the chain of hashes that follows it.

-- What was acted on, by its id or name.
alter table events add column target text;
alter table events add column result text not null default 'succeeded';
-- What tells of a person: address, agent, personal members of the data, and a random salt. `json`, since its digest is of the text.
-- The only column that is ever emptied; the chain covers its digest, which stays.
alter table events add column personal json;
alter table events add column personal_digest bytea;

create index events_by_time on events (occurred_at desc, event_id desc);
create index events_by_event_id on events (event_id);
create index events_by_kind on events (kind text_pattern_ops, occurred_at desc);
create index events_by_target on events (target, occurred_at desc) where target is not null;
create index events_by_user on events ((actor ->> 'userId'), occurred_at desc) where actor ->> 'userId' is not null;
create index events_by_key on events ((actor ->> 'keyId'), occurred_at desc) where actor ->> 'keyId' is not null;
create index events_by_correlation on events (correlation_id) where correlation_id is not null;
create index events_by_address on events ((personal ->> 'address'), occurred_at desc) where personal is not null;
create index events_by_result on events (result, occurred_at desc) where result <> 'succeeded';
create index events_by_words on events using gin (jsonb_to_tsvector('simple', data, '["string", "numeric"]'));

-- Empties the personal part of up to `most` events that a person caused or that are about them; returns how many they were. With the
-- owner's rights, since the product's own role can change no event.
create function erase_personal_events(person text, most integer) returns integer
  language sql security definer set search_path from current as $$
  with found as (
    select epoch, xid, id, occurred_at from events
    where personal is not null and (actor ->> 'userId' = person or target = person)
    limit least(most, 10000)
  ), erased as (
    update events set personal = null from found
    where events.epoch = found.epoch and events.xid = found.xid and events.id = found.id
      and events.occurred_at = found.occurred_at
    returning 1
  )
  select count(*)::integer from erased
$$;
revoke execute on function erase_personal_events(text, integer) from public;

-- One row per event, in the order of the log: where it stands, and a hash over it and the hash before.
create table audit_chain (
  -- Without gaps, from 1.
  sequence bigint primary key check (sequence >= 1),
  epoch integer not null,
  xid xid8 not null,
  id bigint not null,
  event_id text not null unique,
  hash bytea not null check (octet_length(hash) = 32)
);

-- The keys that heads are signed with.
create table audit_keys (
  -- SHA-256 of the public half, in hex.
  key_id text primary key check (key_id ~ '^[0-9a-f]{64}$'),
  public_key bytea not null check (octet_length(public_key) = 32),
  sealed_private bytea not null,
  created_at timestamptz not null
);

-- How far the chain went when a day was over, signed.
create table audit_heads (
  day date primary key,
  last_sequence bigint not null check (last_sequence >= 1),
  hash bytea not null check (octet_length(hash) = 32),
  -- Of the head before, which so cannot be taken away.
  previous_signature bytea check (octet_length(previous_signature) = 64),
  signature bytea not null unique check (octet_length(signature) = 64),
  key_id text not null references audit_keys (key_id),
  signed_at timestamptz not null
);

grant select, insert on audit_chain, audit_keys, audit_heads to gantry_app;
-- To seal it anew under another key; one that does not open, signs nothing.
grant update (sealed_private) on audit_keys to gantry_app;
grant execute on function erase_personal_events(text, integer) to gantry_app;
