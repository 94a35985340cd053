-- How far each relay has heard of changes of tunnels, so that the answer of a change can wait for those that it concerns.

alter table relays
  -- Of `tunnel_revisions`; what a relay has asked for news after.
  add column heard_revision bigint not null default 0;
