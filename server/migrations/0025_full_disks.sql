-- Nodes that have too little disk for another session, as their last beat told.

alter table fleet_nodes
  add column is_disk_full boolean not null default false;
