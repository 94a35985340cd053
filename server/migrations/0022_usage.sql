-- What tunnels carried: counts as relays report them, each in one place, and totals of each month.

-- What was taken of a journal: every sequence once, in whatever order it comes and whichever relay sends it.
create table tunnel_usage_journals (
  -- Random: one journal has it, for ever. What a relay left on a disk is sent by the next one there.
  journal text primary key check (length(journal) between 1 and 64),
  taken int8multirange not null default '{}',
  last_at timestamptz not null
);

-- A count is in one row only: in its minute at first, later in that hour's row, then in that day's.
create table tunnel_usage (
  tunnel_id text not null references tunnels (id),
  span text not null check (span in ('minute', 'hour', 'day')),
  -- When the span begins, UTC.
  at timestamptz not null,
  -- Empty for what never reached one, and for one that is gone.
  endpoint_id text not null,
  requests bigint not null,
  failures bigint not null,
  connections bigint not null,
  bytes_in bigint not null,
  bytes_out bigint not null,
  -- Requests by time to the first byte, a count for each bound and one above the last.
  latency bigint[] not null,
  primary key (tunnel_id, span, at, endpoint_id)
);
create index tunnel_usage_by_age on tunnel_usage (span, at);

-- Totals of a calendar month (UTC), of deleted tunnels too; by the tier that the account had when they were taken.
create table tunnel_usage_periods (
  account_id text not null references accounts (id),
  period text not null check (period ~ '^[0-9]{4}-[0-9]{2}$'),
  tunnel_id text not null references tunnels (id),
  tier text not null,
  requests bigint not null,
  failures bigint not null,
  connections bigint not null,
  bytes_in bigint not null,
  bytes_out bigint not null,
  primary key (account_id, period, tunnel_id, tier)
);
create index tunnel_usage_periods_by_period on tunnel_usage_periods (period);
create index tunnel_usage_periods_by_tunnel on tunnel_usage_periods (tunnel_id, period);

-- What an account has used of its bytes in a month, and what was said of that.
create table tunnel_quotas (
  account_id text not null references accounts (id),
  period text not null check (period ~ '^[0-9]{4}-[0-9]{2}$'),
  bytes bigint not null default 0,
  -- As relays know it; set together with a new revision of the account's tunnels.
  blocked boolean not null default false,
  warned_at timestamptz,
  exceeded_at timestamptz,
  primary key (account_id, period)
);
create index tunnel_quotas_by_period on tunnel_quotas (period);

grant select, insert, update, delete
  on tunnel_usage_journals, tunnel_usage, tunnel_usage_periods, tunnel_quotas to gantry_app;
