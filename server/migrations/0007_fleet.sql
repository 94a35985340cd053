-- Machines that host browsers: those of the pool, those that were asked for by hand, and the ones that joined by themselves.

create table fleet_instances (
  id text primary key,
  provider text not null check (provider in ('local', 'ec2', 'kubernetes')),
  -- The provider's own id; null until the provider has made the machine.
  provider_id text,
  -- The machine of a control plane itself: always there.
  builtin boolean not null default false,
  -- Whether the fleet may end it: it has launched it, and the provider lists it. Others have joined by themselves.
  managed boolean not null default true,
  purpose text not null check (purpose in ('pool', 'manual')),
  status text not null check (status in ('provisioning', 'running', 'stopping', 'terminated', 'error')),
  region text,
  instance_type text,
  spot boolean not null default false,
  tags jsonb not null,
  public_dns_name text,
  public_ip_address text,
  private_ip_address text,
  -- The provider's word on the hardware.
  provider_health text check (provider_health in ('healthy', 'unhealthy')),
  error_message text,
  assigned_to_user_id text references users (id) on delete set null,
  assigned_to_account_id text references accounts (id) on delete set null,
  terminate_after_idle_minutes integer check (terminate_after_idle_minutes > 0),
  created_at timestamptz not null,
  launched_at timestamptz,
  restarted_at timestamptz,
  -- Since when the provider no longer lists it.
  missing_since timestamptz,
  last_activity_at timestamptz not null,
  failed_at timestamptz,
  ended_at timestamptz,
  check ((ended_at is null) = (status <> 'terminated'))
);
-- Names of pods and of machines that joined by themselves may come back.
create unique index fleet_instances_by_provider_id on fleet_instances (provider, provider_id)
  where provider_id is not null and status <> 'terminated';
create index fleet_instances_order on fleet_instances (created_at desc, id desc);
create index fleet_instances_there on fleet_instances (provider) where status <> 'terminated';
create index fleet_instances_failed on fleet_instances (failed_at) where failed_at is not null;

-- The node process of a machine, as its last beat told it.
create table fleet_nodes (
  id text primary key,
  instance_id text not null unique references fleet_instances (id),
  -- Null for the machine of a control plane: it is in the same process.
  url text,
  -- SHA-256 of the TLS certificate that it serves.
  fingerprint text,
  credential_hash bytea unique,
  -- Rises with every join: the credential of an earlier one is worth nothing.
  epoch integer not null default 1,
  -- Of the last beat; only a higher one counts.
  sequence bigint not null default 0,
  capacity integer not null check (capacity >= 0),
  sessions integer not null check (sessions >= 0),
  version text not null,
  -- What the node says of itself.
  is_draining boolean not null default false,
  -- Since when it says so without a break; begins anew when it was let back.
  draining_since timestamptz,
  -- Why it takes no new sessions; null when it does.
  drain_reason text check (
    drain_reason in ('asked', 'idle', 'spot', 'surplus', 'leaving', 'ending', 'restarting', 'rebooting')
  ),
  joined_at timestamptz not null,
  last_beat_at timestamptz not null,
  gone_at timestamptz,
  check ((url is null) = (fingerprint is null) and (url is null) = (credential_hash is null))
);

create table fleet_join_tokens (
  id text primary key,
  token_hash bytea not null unique,
  name text not null,
  multi_use boolean not null,
  -- Of a machine that Gantry has launched: the token makes its node and no other.
  instance_id text references fleet_instances (id),
  -- The one certificate that a single-use token was used with.
  used_by_fingerprint text,
  used_at timestamptz,
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create index fleet_join_tokens_expiry on fleet_join_tokens (expires_at);

-- What the pool should be: one row.
create table fleet_pool (
  singleton boolean primary key default true check (singleton),
  version integer not null default 1,
  settings jsonb not null,
  updated_by text,
  updated_at timestamptz not null default now(),
  last_scale_out_at timestamptz,
  last_scale_in_at timestamptz
);
insert into fleet_pool (settings) values ('{}');

grant select, insert, update on fleet_instances, fleet_nodes to gantry_app;
grant select, insert, update, delete on fleet_join_tokens to gantry_app;
grant select, update on fleet_pool to gantry_app;
