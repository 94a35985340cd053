-- What people do with their own data: leaving and coming back, pictures, exports.

alter table users
  drop constraint users_status_check,
  add constraint users_status_check check (status in ('active', 'disabled', 'leaving', 'deleted'));

alter table sign_ins
  drop constraint sign_ins_revoked_reason_check,
  add constraint sign_ins_revoked_reason_check check (
    revoked_reason in
      ('signed_out', 'signed_out_elsewhere', 'replaced', 'renewed', 'reuse_detected', 'password_changed', 'password_reset', 'left')
  );

alter table one_time_tokens
  drop constraint one_time_tokens_purpose_check,
  add constraint one_time_tokens_purpose_check check (
    purpose in ('verify_email', 'reset_password', 'confirm_new_email', 'restore_user')
  );

-- Users who leave: for a while they can be restored, then what is kept of them is erased.
create table departures (
  user_id text primary key references users (id),
  -- What the user was before, and is again when restored.
  status_before text not null check (status_before in ('active', 'disabled')),
  requested_by text references users (id),
  requested_at timestamptz not null,
  -- Until then the user can be restored.
  due_at timestamptz not null check (due_at > requested_at),
  -- When erasing began: from then on there is no way back.
  begun_at timestamptz,
  -- The accounts that go with the user; known once erasing has begun.
  account_ids text[] not null default '{}',
  -- The capabilities that have erased their part.
  erased text[] not null default '{}',
  ended_at timestamptz,
  check (begun_at is not null or ended_at is null)
);
create index departures_due on departures (due_at) where ended_at is null;

grant select, insert, update, delete on departures to gantry_app;

-- What is kept about one person is found by these.
create index browser_sessions_by_user on browser_sessions (user_id, id);
create index mails_by_address on mails (lower(to_address));

grant delete on browser_sessions to gantry_app;

-- Pictures of users: a row is there before its object in the store, and goes after it.
create table avatars (
  -- Random: whoever knows it may see the picture.
  id text primary key check (id ~ '^[A-Za-z0-9_-]{43}$'),
  user_id text not null references users (id),
  is_current boolean not null default false,
  created_at timestamptz not null
);
create unique index avatars_one_current on avatars (user_id) where is_current;
create index avatars_by_user on avatars (user_id);
create index avatars_loose on avatars (created_at) where not is_current;

-- Copies of what is kept about a user, for that user.
create table data_exports (
  id text primary key,
  user_id text not null references users (id),
  -- By which it is followed; it may be gone before the export.
  operation_id text not null unique,
  status text not null check (status in ('making', 'ready', 'failed')),
  bytes bigint check (bytes >= 0),
  created_at timestamptz not null,
  ready_at timestamptz,
  -- When it is deleted.
  expires_at timestamptz not null,
  check ((status = 'ready') = (ready_at is not null and bytes is not null))
);
create unique index data_exports_one_at_once on data_exports (user_id) where status = 'making';
create index data_exports_by_user on data_exports (user_id, created_at desc);
create index data_exports_by_end on data_exports (expires_at);

grant select, insert, update, delete on avatars, data_exports to gantry_app;
