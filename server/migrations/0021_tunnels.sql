-- Public hostnames that lead to a customer's machine, the agents that hold them open, and the relays that carry their traffic.

-- Who a name belongs to: for ever, so that it never passes to another account.
create table tunnel_names (
  name text primary key check (name ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
  account_id text not null references accounts (id),
  taken_at timestamptz not null
);

-- Rises with every change that relays have to know; taken under a lock, so that its order is the order of commits.
create sequence tunnel_revisions;

create table tunnels (
  id text primary key,
  account_id text not null references accounts (id),
  created_by_user_id text references users (id) on delete set null,
  name text not null references tunnel_names (name),
  kind text not null check (kind in ('http', 'tcp')),
  -- Of a TCP tunnel, on every relay.
  port integer check (port between 1 and 65535),
  status text not null check (status in ('created', 'connecting', 'connected', 'disconnected', 'error')),
  status_since timestamptz not null,
  error_message text,
  -- Whether agents may hold it open; false from a stop to the next start.
  started boolean not null default true,
  config jsonb not null,
  access jsonb not null,
  -- Of the newest run that has taken it, under whatever label.
  last_epoch integer not null default 0,
  revision bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  check ((kind = 'tcp') = (port is not null) or deleted_at is not null)
);
create unique index tunnels_by_name on tunnels (name) where deleted_at is null;
create unique index tunnels_by_port on tunnels (port) where deleted_at is null;
create index tunnels_by_account on tunnels (account_id, created_at desc, id desc) where deleted_at is null;
create index tunnels_by_revision on tunnels (revision);

-- Where a tunnel leads: an address that an agent reaches.
create table tunnel_endpoints (
  id text primary key,
  tunnel_id text not null references tunnels (id),
  url text not null,
  -- Which agent leads there, by the label that it goes by.
  agent text not null,
  -- The lowest that is healthy is taken.
  priority integer not null check (priority between 0 and 100),
  weight integer not null check (weight between 0 and 100),
  health_check jsonb,
  health_status text not null default 'unknown' check (health_status in ('healthy', 'unhealthy', 'unknown')),
  health_message text,
  last_health_check timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create unique index tunnel_endpoints_by_url on tunnel_endpoints (tunnel_id, agent, url);

-- One run of an agent, from its first call until it is replaced or gone.
create table tunnel_agent_runs (
  id text primary key,
  account_id text not null references accounts (id),
  user_id text not null references users (id),
  -- By which credential of the person it was started.
  key_id text,
  sign_in_id text,
  label text not null,
  version text not null,
  host text,
  ip_address text,
  -- What it was started for, also what it does not hold any more.
  tunnel_ids text[] not null,
  started_at timestamptz not null,
  last_seen_at timestamptz not null,
  ended_at timestamptz
);
create index tunnel_agent_runs_alive on tunnel_agent_runs (last_seen_at) where ended_at is null;
create index tunnel_agent_runs_by_user on tunnel_agent_runs (user_id);
create index tunnel_agent_runs_by_account on tunnel_agent_runs (account_id);

-- Which run holds a tunnel under a label: the newest. Its epoch fences the earlier ones.
create table tunnel_holders (
  tunnel_id text not null references tunnels (id),
  agent text not null,
  run_id text not null references tunnel_agent_runs (id),
  epoch integer not null,
  held_since timestamptz not null,
  primary key (tunnel_id, agent)
);
create index tunnel_holders_by_run on tunnel_holders (run_id);

create table relays (
  id text primary key,
  name text not null,
  provider text not null check (provider in ('builtin', 'local', 'ec2', 'kubernetes', 'joined')),
  -- The machine of the fleet that it was started on.
  instance_id text references fleet_instances (id),
  status text not null check (status in ('starting', 'running', 'draining', 'stopped', 'error')),
  status_since timestamptz not null,
  error_message text,
  -- Where agents dial it and visitors reach it.
  url text,
  -- Where other relays and the control plane reach it, by the SHA-256 of its certificate.
  internal_url text,
  fingerprint text,
  credential_hash bytea unique,
  -- Rises with every join: the credential of an earlier one is worth nothing.
  epoch integer not null default 1,
  sequence bigint not null default 0,
  version text,
  config jsonb not null default '{}',
  facts jsonb not null default '{}',
  started_at timestamptz,
  last_beat_at timestamptz,
  gone_at timestamptz,
  created_at timestamptz not null,
  ended_at timestamptz
);
create index relays_order on relays (created_at desc, id desc);

-- A link of an agent, for each tunnel that it carries.
create table tunnel_links (
  link_id text not null,
  tunnel_id text not null references tunnels (id),
  agent text not null,
  epoch integer not null,
  run_id text not null references tunnel_agent_runs (id),
  relay_id text not null references relays (id),
  relay_epoch integer not null,
  opened_at timestamptz not null,
  -- Why its relay cannot open the port of the tunnel.
  port_error text,
  primary key (link_id, tunnel_id)
);
create index tunnel_links_by_tunnel on tunnel_links (tunnel_id);
create index tunnel_links_by_run on tunnel_links (run_id);
create index tunnel_links_by_relay on tunnel_links (relay_id);

-- What lets somebody visit, see or manage a tunnel; deleted when it is revoked.
create table tunnel_shares (
  id text primary key,
  tunnel_id text not null references tunnels (id),
  kind text not null check (kind in ('user', 'account', 'token', 'link')),
  -- Of the kind user: somebody, or whoever proves this address.
  user_id text references users (id),
  email text,
  email_key text,
  grantee_account_id text references accounts (id),
  permission text not null check (permission in ('use', 'read', 'manage')),
  label text,
  -- SHA-256 of a token, or of the secret of a link.
  secret_hash bytea unique,
  expires_at timestamptz,
  created_by text not null,
  created_at timestamptz not null,
  check ((kind = 'user') = (num_nonnulls(user_id, email_key) = 1)),
  check ((email is null) = (email_key is null)),
  check ((kind = 'account') = (grantee_account_id is not null)),
  check ((kind in ('token', 'link')) = (secret_hash is not null)),
  check (permission = 'use' or kind in ('user', 'account'))
);
create unique index tunnel_shares_by_user on tunnel_shares (user_id, tunnel_id);
create unique index tunnel_shares_by_email on tunnel_shares (email_key, tunnel_id);
create unique index tunnel_shares_by_grantee on tunnel_shares (grantee_account_id, tunnel_id);
create index tunnel_shares_by_tunnel on tunnel_shares (tunnel_id);

-- Domains of customers' own. Many may claim one; the one that proves it has it.
create table tunnel_domains (
  id text primary key,
  tunnel_id text not null references tunnels (id),
  account_id text not null references accounts (id),
  hostname text not null check (hostname = lower(hostname)),
  proof text not null,
  verified_at timestamptz,
  checked_at timestamptz,
  proven_at timestamptz,
  last_error text,
  expires_at timestamptz,
  created_at timestamptz not null,
  check ((verified_at is null) = (expires_at is not null))
);
create unique index tunnel_domains_served on tunnel_domains (hostname) where verified_at is not null;
create unique index tunnel_domains_by_tunnel on tunnel_domains (tunnel_id, hostname);
create index tunnel_domains_expiring on tunnel_domains (expires_at) where verified_at is null;

grant select, insert on tunnel_names to gantry_app;
grant usage, select on sequence tunnel_revisions to gantry_app;
grant select, insert, update on tunnels, relays to gantry_app;
grant select, insert, update, delete on tunnel_endpoints, tunnel_agent_runs, tunnel_holders, tunnel_links, tunnel_shares, tunnel_domains to gantry_app;
