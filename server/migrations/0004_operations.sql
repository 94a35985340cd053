-- Long work that is followed by its id, and how often each refusal was given.

create table operations (
  id text primary key,
  kind text not null,
  account_id text not null references accounts (id),
  user_id text not null references users (id),
  status text not null check (status in ('queued', 'running', 'succeeded', 'failed')),
  -- How far it has come; `total` is null while nobody knows.
  done integer not null default 0 check (done >= 0),
  total integer check (total >= 0),
  note text,
  result jsonb,
  error jsonb,
  created_at timestamptz not null,
  started_at timestamptz,
  ended_at timestamptz,
  check ((ended_at is null) = (status in ('queued', 'running'))),
  check ((error is not null) = (status = 'failed'))
);
create index operations_open on operations (created_at) where ended_at is null;
create index operations_ended on operations (ended_at) where ended_at is not null;

create table problem_counts (
  hour timestamptz not null,
  code text not null,
  -- The route's pattern, or `none` where no route answers the path.
  route text not null,
  status integer not null,
  count bigint not null check (count > 0),
  primary key (hour, code, route, status)
);

-- The history over all settings.
create index runtime_setting_changes_order on runtime_setting_changes (at desc, id desc);

grant select, insert, update, delete on operations, problem_counts to gantry_app;
