-- When a node said that it goes; null for one that is there, or that was silent.
alter table fleet_nodes add column left_at timestamptz;
alter table fleet_nodes add constraint fleet_nodes_left_check check (left_at is null or gone_at is not null);

-- Until when the call that waits for a session's place has said that it does; null when none does, or need not.
alter table browser_sessions add column awaited_until timestamptz;
create index browser_sessions_awaited on browser_sessions (awaited_until)
  where awaited_until is not null and ended_at is null;

-- The key of a thing is asked for, and given back, when the call that made it may be gone.
create index idempotency_keys_resource on idempotency_keys (account_id, resource_id)
  where resource_id is not null;
