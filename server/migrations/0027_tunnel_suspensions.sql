-- Tunnels that the operator keeps from serving, whatever their account wants.

alter table tunnels
  add column suspended_at timestamptz,
  -- As the account is told.
  add column suspended_reason text,
  add check ((suspended_at is null) = (suspended_reason is null));
