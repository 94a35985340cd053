-- User administration: operations that are cancelled, changes to many users at once, tiers that change, and how users are found.

alter table operations
  drop constraint operations_status_check,
  add constraint operations_status_check
    check (status in ('queued', 'running', 'succeeded', 'failed', 'cancelled'));
create index operations_open_of_account on operations (account_id) where ended_at is null;

-- What becomes of each user of a change to many. Goes with its operation.
create table bulk_rows (
  operation_id text not null references operations (id) on delete cascade,
  -- As they were sent, from 0.
  position integer not null check (position between 0 and 999),
  user_id text,
  -- Of a user who is to be made: the e-mail address and the name.
  person jsonb,
  status text not null check (status in ('waiting', 'done', 'unchanged', 'refused')),
  -- Of the refusal.
  code text,
  detail text,
  primary key (operation_id, position),
  check (user_id is not null or person is not null),
  check ((status = 'refused') = (code is not null))
);

create index users_in_time on users (created_at desc, id desc);
create index users_by_last_login
  on users (coalesce(last_login_at, '1970-01-01 00:00:00+00'::timestamptz) desc, id desc);

grant select, insert, update on bulk_rows to gantry_app;
grant update (tier) on accounts to gantry_app;
