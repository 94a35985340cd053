-- Which request holds the key; null of one that was claimed before there was this column.
alter table idempotency_keys add column claim_id text;
