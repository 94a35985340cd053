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
