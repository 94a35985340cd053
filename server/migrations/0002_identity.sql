-- People, the accounts that they work in, where they are signed in, and the keys that sign their access tokens.

create table accounts (
  id text primary key,
  name text not null check (length(name) between 1 and 254),
  kind text not null check (kind in ('personal')),
  tier text not null default 'free' check (tier in ('free', 'premium', 'enterprise')),
  -- The reseller above this account.
  parent_id text references accounts (id),
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index accounts_by_parent on accounts (parent_id) where parent_id is not null;

create table users (
  id text primary key,
  -- As the person wrote it; mail goes here.
  email text not null,
  -- Folded: what makes two spellings one person.
  email_key text not null unique check (octet_length(email_key) between 3 and 254),
  email_verified boolean not null default false,
  -- PHC string.
  password_hash text not null check (password_hash like '$argon2id$%'),
  first_name text check (length(first_name) between 1 and 100),
  last_name text check (length(last_name) between 1 and 100),
  status text not null default 'active' check (status in ('active', 'disabled')),
  platform_roles text[] not null default '{}'
    check (platform_roles <@ array['super-admin', 'admin', 'support']),
  -- The account that the person acts for.
  account_id text not null references accounts (id),
  settings jsonb not null default '{}' check (jsonb_typeof(settings) = 'object'),
  -- Raised to make every access token so far worthless.
  ver integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  last_login_at timestamptz
);
create index users_by_account on users (account_id);
create index users_super_admins on users (id) where 'super-admin' = any (platform_roles);

create table members (
  account_id text not null references accounts (id),
  user_id text not null references users (id),
  role text not null check (role in ('owner', 'admin', 'member', 'viewer')),
  created_at timestamptz not null,
  primary key (account_id, user_id)
);
create index members_by_user on members (user_id);

create table sign_ins (
  id text primary key,
  user_id text not null references users (id),
  created_at timestamptz not null,
  -- Never moves.
  expires_at timestamptz not null,
  -- Moves with each refresh.
  idle_expires_at timestamptz not null,
  last_activity_at timestamptz not null,
  ip_address text,
  user_agent text check (length(user_agent) <= 512),
  -- How the person proved who they are (RFC 8176).
  amr text[] not null,
  revoked_at timestamptz,
  revoked_reason text check (revoked_reason in ('signed_out', 'replaced', 'reuse_detected')),
  -- Seals the key that this sign-in's refresh tokens are made with; the tokens themselves are not kept.
  refresh_key bytea not null,
  refresh_counter integer not null check (refresh_counter >= 1),
  refresh_hash bytea not null check (octet_length(refresh_hash) = 32),
  parent_hash bytea check (octet_length(parent_hash) = 32),
  refreshed_at timestamptz not null,
  -- Digest of address and user agent of the client that refreshed last.
  refreshed_by bytea not null check (octet_length(refreshed_by) = 32),
  check ((revoked_at is null) = (revoked_reason is null)),
  check (idle_expires_at <= expires_at)
);
create index sign_ins_live on sign_ins (user_id, last_activity_at) where revoked_at is null;

create table signing_keys (
  -- RFC 7638 thumbprint of the public half.
  kid text primary key check (kid ~ '^[A-Za-z0-9_-]{43}$'),
  public_jwk jsonb not null,
  sealed_private bytea not null,
  state text not null check (state in ('active', 'retired')),
  created_at timestamptz not null
);
create unique index signing_keys_one_active on signing_keys (state) where state = 'active';

create table bootstrap_tokens (
  token_hash bytea primary key check (octet_length(token_hash) = 32),
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz
);

grant select, insert on accounts, members, signing_keys to gantry_app;
grant select, insert, update on users, sign_ins to gantry_app;
grant select, insert, update, delete on bootstrap_tokens to gantry_app;
