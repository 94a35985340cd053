-- From where staff may work, and addresses that may not come at all.

-- Empty: from anywhere.
create table admin_addresses (
  -- As an admin wrote it: an address or a range.
  range text primary key check (length(range) between 2 and 64),
  description text not null check (length(description) <= 200),
  added_by text not null,
  added_at timestamptz not null
);

create table address_blocks (
  id text primary key,
  range text not null check (length(range) between 2 and 64),
  -- What is closed to it.
  scope text not null check (scope in ('everything', 'sign_in')),
  reason text not null check (length(reason) between 1 and 200),
  -- Null: until it is lifted.
  expires_at timestamptz,
  created_by text not null,
  created_at timestamptz not null,
  unique (range, scope)
);
create index address_blocks_in_time on address_blocks (created_at desc, id desc);

grant select, insert, delete on admin_addresses, address_blocks to gantry_app;

-- What staff should look at, one row for each thing that goes on until somebody has looked.
create table alerts (
  id text primary key,
  kind text not null check (length(kind) <= 64),
  -- Who or what it is about: an account's, a user's or a key's id, or `installation`.
  subject text not null check (length(subject) <= 64),
  account_id text references accounts (id),
  state text not null check (state in ('open', 'acknowledged')),
  detail text not null check (length(detail) <= 500),
  times integer not null check (times >= 1),
  raised_at timestamptz not null,
  last_raised_at timestamptz not null,
  mailed_at timestamptz,
  acknowledged_at timestamptz,
  acknowledged_by text,
  check ((state = 'acknowledged') = (acknowledged_at is not null))
);
create unique index alerts_open on alerts (kind, subject) where state = 'open';
create index alerts_in_time on alerts (raised_at desc, id desc);
create index alerts_unmailed on alerts (raised_at) where mailed_at is null;

-- How many exports each user or key fetched in an hour.
create table export_counts (
  actor text not null check (length(actor) <= 64),
  hour timestamptz not null,
  count integer not null check (count >= 1),
  -- Since when there are so many that they have to prove who they are.
  blocked_since timestamptz,
  primary key (actor, hour)
);

grant select, insert, update on alerts to gantry_app;
grant select, insert, update, delete on export_counts to gantry_app;
