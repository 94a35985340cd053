-- Accounts below accounts, invitations to them, and staff who act as a user.

alter table accounts drop constraint accounts_kind_check;
alter table accounts
  add constraint accounts_kind_check check (kind in ('personal', 'organisation', 'reseller'));
alter table accounts
  -- From the top of the tree down to the account itself; kept by the triggers below.
  add column path text[] not null default '{}';
alter table accounts
  -- Kept, since its events and its history name it; nobody acts for it any more.
  add column deleted_at timestamptz;
alter table accounts
  -- The operator whose personal choice made it: the one who counts against the bound of accounts per person.
  add column created_by text references users (id) on delete set null;

update accounts set path = array[id];
alter table accounts add constraint accounts_depth check (cardinality(path) between 1 and 6);
create index accounts_below on accounts using gin (path);
create index accounts_in_time on accounts (created_at desc, id desc);
create index accounts_by_creator on accounts (created_by) where created_by is not null;

-- One at a time moves in the tree, so what is checked here stays true: an account never comes to lie below itself.
create function place_account() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' or new.parent_id is not null then
    perform pg_advisory_xact_lock(hashtextextended('accounts.tree', 0));
  end if;
  new.path := coalesce((select path from accounts where id = new.parent_id), '{}') || new.id;
  if cardinality(array_positions(new.path, new.id)) > 1 then
    raise exception 'account % would lie below itself', new.id using errcode = 'check_violation';
  end if;
  return new;
end $$;
create trigger place_account before insert or update of parent_id on accounts
  for each row execute function place_account();

create function place_accounts_below() returns trigger language plpgsql as $$
begin
  update accounts set path = new.path || path[array_position(path, new.id) + 1 :]
  where new.id = any (path) and id <> new.id;
  return null;
end $$;
create trigger place_accounts_below after update of parent_id on accounts
  for each row execute function place_accounts_below();

grant update (name, kind, parent_id, path, deleted_at, updated_at) on accounts to gantry_app;
grant update (role), delete on members to gantry_app;

create table invitations (
  id text primary key,
  -- Of whoever invites people to run the installation: none.
  account_id text references accounts (id),
  email text not null,
  -- Folded: only a person with this address may accept.
  email_key text not null check (octet_length(email_key) between 3 and 254),
  role text check (role in ('owner', 'admin', 'member', 'viewer')),
  platform_role text check (platform_role in ('super-admin', 'admin', 'support')),
  invited_by text not null references users (id),
  -- Of the token that was mailed last.
  token_hash bytea not null unique check (octet_length(token_hash) = 32),
  created_at timestamptz not null,
  sent_at timestamptz not null,
  times_sent integer not null default 1 check (times_sent >= 1),
  expires_at timestamptz not null,
  accepted_at timestamptz,
  accepted_by text references users (id),
  cancelled_at timestamptz,
  cancelled_reason text check (cancelled_reason in ('cancelled', 'replaced', 'inviter_lost_right', 'account_deleted')),
  check ((account_id is null) = (role is null)),
  check (role is not null or platform_role is not null),
  check (accepted_at is null or cancelled_at is null),
  check ((cancelled_at is null) = (cancelled_reason is null))
);
create unique index invitations_one_open on invitations (coalesce(account_id, ''), email_key)
  where accepted_at is null and cancelled_at is null;
create index invitations_by_account on invitations (account_id, created_at desc, id desc);
create index invitations_by_inviter on invitations (invited_by) where accepted_at is null and cancelled_at is null;

grant select, insert, update, delete on invitations to gantry_app;

alter table sign_ins
  -- The sign-in of the member of staff who acts as this user; it has to be live for this one to count.
  add column impersonated_from text references sign_ins (id) on delete cascade;
alter table sign_ins
  -- That member of staff.
  add column impersonated_by text references users (id);
alter table sign_ins
  add constraint sign_ins_impersonated check ((impersonated_from is null) = (impersonated_by is null));
create index sign_ins_by_lender on sign_ins (impersonated_from) where impersonated_from is not null;
