-- The kernel's own tables: the event log and its readers, idempotency keys, job progress.

create table cluster_epochs (
  epoch integer primary key,
  system_identifier text not null,
  started_at timestamptz not null default now()
);

-- Null in a cluster that no process has settled in yet: an event written there would sort among those of the cluster
-- that the data came from, so its insert fails instead.
create function current_epoch() returns integer language sql stable as $$
  select epoch from (select epoch, system_identifier from cluster_epochs order by epoch desc limit 1) newest
  where system_identifier = (select system_identifier::text from pg_control_system())
$$;

create sequence event_order as bigint;

create table events (
  epoch integer not null default current_epoch(),
  xid xid8 not null default pg_current_xact_id(),
  id bigint not null default nextval('event_order'),
  event_id text not null,
  kind text not null,
  account_id text,
  actor jsonb not null,
  data jsonb not null,
  correlation_id text,
  occurred_at timestamptz not null
) partition by range (occurred_at);

create index events_order on events (epoch, xid, id);
create index events_by_account on events (account_id, occurred_at desc);

-- Rows that no month takes (a clock far off) are kept all the same.
create table events_other partition of events default;

-- Makes the partitions of this month and the next `ahead` months, and moves into them what had fallen to the default one.
-- Callable by the product's role, which owns no table.
create function make_event_partitions(ahead integer) returns void
  language plpgsql security definer set search_path from current set lock_timeout = '5s' as $$
declare
  first date;
  since timestamptz;
  until timestamptz;
  name text;
begin
  perform pg_advisory_xact_lock(hashtext('make_event_partitions'));
  for month in 0..least(ahead, 24) loop
    first := date_trunc('month', now() at time zone 'utc') + make_interval(months => month);
    since := first::timestamp at time zone 'utc';
    until := (first + interval '1 month') at time zone 'utc';
    name := 'events_' || to_char(first, 'YYYY_MM');
    if to_regclass(name) is null then
      execute format('create table %I (like events including defaults including indexes)', name);
      execute format(
        'with moved as (delete from events_other where occurred_at >= %L and occurred_at < %L returning *)
          insert into %I select * from moved', since, until, name);
      execute format('alter table events attach partition %I for values from (%L) to (%L)', name, since, until);
    end if;
  end loop;
end $$;

select make_event_partitions(3);

create table event_readers (
  name text primary key,
  epoch integer not null,
  xid xid8 not null,
  id bigint not null,
  updated_at timestamptz not null default now(),
  -- Tries of the next event that have failed, what the last one said, and when the next is due.
  failures integer not null default 0,
  last_error text,
  retry_at timestamptz
);

create table idempotency_keys (
  account_id text not null,
  route text not null,
  key text not null,
  request_hash text not null,
  status text not null check (status in ('working', 'done')),
  http_status integer,
  resource_id text,
  locked_until timestamptz not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  primary key (account_id, route, key)
);
create index idempotency_keys_expiry on idempotency_keys (expires_at);

create table job_progress (
  job_id text primary key,
  done integer not null,
  total integer,
  note text,
  updated_at timestamptz not null
);

create table runtime_settings (
  name text primary key,
  value jsonb not null,
  updated_at timestamptz not null
);

create table runtime_setting_changes (
  id text primary key,
  name text not null,
  before jsonb,
  after jsonb not null,
  changed_by text not null,
  at timestamptz not null
);
create index runtime_setting_changes_by_name on runtime_setting_changes (name, at desc);

grant select, insert, update, delete on runtime_settings to gantry_app;
grant select, insert on runtime_setting_changes to gantry_app;
grant select, insert, update, delete on idempotency_keys, job_progress, event_readers to gantry_app;
grant select, insert on events, cluster_epochs to gantry_app;
grant usage on sequence event_order to gantry_app;
