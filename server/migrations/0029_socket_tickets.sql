-- One-time tickets for web pages, which can send no header when they open a WebSocket.

create table socket_tickets (
  -- SHA-256 of the ticket, which is not kept.
  digest bytea primary key check (octet_length(digest) = 32),
  -- Whose sign-in or API key made it.
  user_id text not null references users (id),
  -- Of the only socket that it opens.
  path text not null check (length(path) between 1 and 256),
  -- What its maker has shown, under a key that is made from the ticket: nobody else can read it, with all keys of the installation.
  sealed_credential bytea not null,
  expires_at timestamptz not null
);
create index socket_tickets_by_user on socket_tickets (user_id);
create index socket_tickets_by_end on socket_tickets (expires_at);

grant select, insert, delete on socket_tickets to gantry_app;
