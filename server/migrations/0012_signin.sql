-- What mailed links stand for, how often somebody has tried, and what a person may see of their sign-ins.

-- One row per person and purpose: a newer token takes the place of the one before.
create table one_time_tokens (
  user_id text not null references users (id),
  purpose text not null check (purpose in ('verify_email', 'reset_password', 'confirm_new_email')),
  token_hash bytea not null unique check (octet_length(token_hash) = 32),
  -- The address that it was mailed to.
  email text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null check (expires_at > created_at),
  used_at timestamptz,
  primary key (user_id, purpose)
);
create index one_time_tokens_by_end on one_time_tokens (expires_at);

-- How often one address, account or sign-in has tried something in the window that runs.
create table attempts (
  kind text not null check (length(kind) between 1 and 40),
  -- HMAC-SHA-256 of what is counted, so that no address of a stranger is kept.
  key bytea not null check (octet_length(key) = 32),
  count integer not null check (count >= 0),
  ends_at timestamptz not null,
  primary key (kind, key)
) with (fillfactor = 70);
create index attempts_by_end on attempts (ends_at);

-- Wrong passwords for one e-mail address, whether a user has it or not.
create table password_failures (
  key bytea primary key check (octet_length(key) = 32),
  failures integer not null check (failures >= 0),
  window_ends_at timestamptz not null,
  -- Until then every password counts as wrong.
  refused_until timestamptz,
  locks integer not null default 0 check (locks >= 0),
  last_at timestamptz not null
) with (fillfactor = 70);
create index password_failures_by_time on password_failures (last_at);

create table sign_in_records (
  id text primary key,
  user_id text not null references users (id),
  at timestamptz not null,
  result text not null check (
    result in ('signed_in', 'wrong_password', 'locked', 'disabled', 'second_factor_needed', 'second_factor_failed')
  ),
  sign_in_id text,
  ip_address text,
  user_agent text check (length(user_agent) <= 512)
);
create index sign_in_records_by_user on sign_in_records (user_id, at desc, id desc);
create index sign_in_records_by_time on sign_in_records (at);

alter table sign_ins
  -- When the person last proved who they are.
  add column stepped_up_at timestamptz,
  -- Tells one device of the person from another: HMAC of its agent and the block of its address.
  add column device bytea check (octet_length(device) = 32),
  drop constraint sign_ins_revoked_reason_check,
  add constraint sign_ins_revoked_reason_check check (
    revoked_reason in
      ('signed_out', 'signed_out_elsewhere', 'replaced', 'renewed', 'reuse_detected', 'password_changed', 'password_reset')
  );
create index sign_ins_by_device on sign_ins (user_id, device);
create index sign_ins_by_end on sign_ins (expires_at);

-- Whoever runs the installation needs no mail to prove it.
update users set email_verified = true where 'super-admin' = any (platform_roles);

grant select, insert, update, delete on one_time_tokens, attempts, password_failures to gantry_app;
grant select, insert, delete on sign_in_records to gantry_app;
grant delete on sign_ins to gantry_app;
