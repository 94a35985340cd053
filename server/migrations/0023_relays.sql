-- How relays are kept: why they drain, what they have told of themselves, and how many there should be.

alter table relays
  -- Why it takes no new links; null when it does. `stopping` and `surplus`: it ends once nothing is under way.
  add column drain_reason text check (drain_reason in ('asked', 'stopping', 'surplus', 'leaving')),
  -- When what is then still under way is cut, of one that is to end.
  add column drain_until timestamptz,
  add column joined_at timestamptz;
create unique index relays_by_instance on relays (instance_id) where instance_id is not null;
create unique index relays_by_fingerprint on relays (fingerprint) where fingerprint is not null;

-- Machines that carry tunnels are launched by the fleet as those that host browsers are.
alter table fleet_instances drop constraint fleet_instances_purpose_check;
alter table fleet_instances
  add constraint fleet_instances_purpose_check check (purpose in ('pool', 'manual', 'relay'));

-- One row.
create table relay_settings (
  singleton boolean primary key default true check (singleton),
  version integer not null default 1,
  scaling jsonb not null default '{}',
  redundancy jsonb not null default '{}',
  updated_by text,
  updated_at timestamptz not null default now(),
  last_scale_out_at timestamptz,
  last_scale_in_at timestamptz
);
insert into relay_settings default values;

-- What a relay has told in a minute: sums of that minute, and the highest of what it held.
create table relay_minutes (
  relay_id text not null references relays (id),
  minute timestamptz not null,
  cpu real not null,
  event_loop_delay_ms real not null,
  memory_mib real not null,
  links integer not null,
  tunnels integer not null,
  streams integer not null,
  requests bigint not null,
  failures bigint not null,
  bytes_in bigint not null,
  bytes_out bigint not null,
  primary key (relay_id, minute)
);
create index relay_minutes_by_age on relay_minutes (minute);

-- The last lines of its log.
create table relay_log_lines (
  relay_id text not null references relays (id),
  -- Rises with every line, across restarts of the process.
  sequence bigint not null,
  at timestamptz not null,
  level text not null check (level in ('debug', 'info', 'warn', 'error')),
  message text not null,
  fields jsonb not null,
  primary key (relay_id, sequence)
);

grant select, update on relay_settings to gantry_app;
grant select, insert, update, delete on relay_minutes, relay_log_lines to gantry_app;
