-- A passkey also proves again who a signed-in person is.
alter table passkey_ceremonies drop constraint passkey_ceremonies_purpose_check;
alter table passkey_ceremonies add constraint passkey_ceremonies_purpose_check
  check (purpose in ('register', 'sign_in', 'second_factor', 'step_up'));
