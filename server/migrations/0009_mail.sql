-- Mails that wait, are being sent or were sent; addresses that take none; and, in development, what the mails said.

create table mails (
  id text primary key,
  -- The account that the mail is about, if there is one.
  account_id text references accounts (id),
  to_address text not null check (octet_length(to_address) between 3 and 320),
  template text not null,
  language text not null,
  -- What the template is filled with, sealed for this row. Gone once the mail is sent or given up: links are secrets.
  sealed_values bytea,
  status text not null check (status in ('queued', 'sending', 'sent', 'failed', 'bounced')),
  attempts integer not null default 0 check (attempts >= 0),
  -- When the next try begins, or the current one began.
  due_at timestamptz not null,
  -- Codes and words of our own, never what a server wrote.
  last_error text check (length(last_error) <= 300),
  provider_message_id text check (length(provider_message_id) <= 200),
  created_at timestamptz not null,
  ended_at timestamptz,
  check ((ended_at is null) = (status in ('queued', 'sending'))),
  check ((sealed_values is null) = (ended_at is not null))
);
create index mails_open on mails (due_at) where ended_at is null;
create index mails_order on mails (created_at desc, id desc);
create index mails_ended on mails (ended_at) where ended_at is not null;

create table mail_suppressions (
  -- HMAC of the folded address, which itself is not kept.
  address_digest bytea primary key check (octet_length(address_digest) = 32),
  reason text not null check (length(reason) <= 300),
  created_at timestamptz not null
);

create table dev_mails (
  id text primary key references mails (id) on delete cascade,
  -- Subject, text and HTML, sealed for this row.
  sealed_content bytea not null,
  created_at timestamptz not null
);
create index dev_mails_order on dev_mails (created_at desc, id desc);

grant select, insert, update, delete on mails to gantry_app;
grant select, insert, delete on mail_suppressions, dev_mails to gantry_app;
