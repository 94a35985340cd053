-- From where staff may work, and addresses that may not come at all.

-- Empty: from anywhere.
create table admin_addresses (
  -- As an admin wrote it: an address or a range.
  range text primary key check (length(range) between 2 and 64),
  description text not null check (length(description) <= 200),
  added_by text not null,
  added_at timestamptz not null
);

create table address_blocks (
  id text primary key,
  range text not null check (length(range) between 2 and 64),
  -- What is closed to it.
  scope text not null check (scope in ('everything', 'sign_in')),
  reason text not null check (length(reason) between 1 and 200),
  -- Null: until it is lifted.
  expires_at timestamptz,
  created_by text not null,
  created_at timestamptz not null,
  unique (range, scope)
);
create index address_blocks_in_time on address_blocks (created_at desc, id desc);

grant select, insert, delete on admin_addresses, address_blocks to gantry_app;
