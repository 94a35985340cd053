-- Sessions wait for a place, can have their addresses revoked, and leave by ways of their own.

alter table browser_sessions
  -- Unknown while a session waits.
  alter column instance_id drop not null,
  -- Raised when the session's addresses are revoked.
  add column generation integer not null default 0,
  -- How long it may wait for a place.
  add column queued_until timestamptz,
  -- Allowed and denied destinations.
  add column egress jsonb,
  -- The URL of its upstream proxy with the credentials, sealed.
  add column proxy_sealed bytea,
  add column recording jsonb,
  -- Of commands that name none, as the user preferred it.
  add column default_timeout_ms integer check (default_timeout_ms > 0),
  add constraint browser_sessions_placed
    check (status not in ('starting', 'active') or instance_id is not null);
create index browser_sessions_queued on browser_sessions (created_at, id) where status = 'queued';

-- How far the reports of each node have been taken.
create table node_reports (
  instance_id text primary key,
  sequence bigint not null
);

grant select, insert, update on node_reports to gantry_app;
