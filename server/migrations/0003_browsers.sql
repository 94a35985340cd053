-- Rented browsers and what was done in them.

create table browser_sessions (
  id text primary key,
  account_id text not null references accounts (id),
  user_id text not null references users (id),
  -- The machine that runs it.
  instance_id text not null,
  status text not null check (status in ('queued', 'starting', 'active', 'closed', 'error')),
  viewport jsonb not null,
  user_agent text,
  locale text,
  timezone text,
  timeout_seconds integer not null check (timeout_seconds > 0),
  idle_timeout_seconds integer not null check (idle_timeout_seconds > 0),
  metadata jsonb not null,
  current_url text,
  current_title text,
  error_message text,
  end_reason text,
  -- What was left after its end: all zero.
  wipe jsonb,
  created_at timestamptz not null,
  started_at timestamptz,
  ended_at timestamptz,
  last_activity_at timestamptz not null,
  expires_at timestamptz not null,
  check ((ended_at is null) = (status in ('queued', 'starting', 'active')))
);
create index browser_sessions_by_account on browser_sessions (account_id, created_at desc, id desc);
create index browser_sessions_open on browser_sessions (instance_id) where ended_at is null;
create index browser_sessions_open_by_account on browser_sessions (account_id) where ended_at is null;
create index browser_sessions_open_by_user on browser_sessions (user_id) where ended_at is null;

create table browser_commands (
  id text primary key,
  session_id text not null references browser_sessions (id) on delete cascade,
  account_id text not null,
  type text not null,
  params jsonb not null,
  status text not null check (status in ('pending', 'success', 'error')),
  result jsonb,
  error_message text,
  actor jsonb not null,
  started_at timestamptz not null,
  ended_at timestamptz
);
create index browser_commands_by_session on browser_commands (session_id, started_at desc, id desc);

grant select, insert, update on browser_sessions to gantry_app;
grant select, insert on browser_commands to gantry_app;
