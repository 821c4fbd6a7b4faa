-- The requests and questions of the last three days by minute: what today is compared with is yesterday until the same
-- time. They are counted from the first process of this version on; `python -m app.cli rebuild` counts those from before.

CREATE TABLE IF NOT EXISTS stats_minute (
  minute TEXT NOT NULL,
  kind TEXT NOT NULL,
  bucket INTEGER NOT NULL,
  requests INTEGER NOT NULL,
  PRIMARY KEY (minute, kind, bucket)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS stats_minute_call (
  minute TEXT NOT NULL PRIMARY KEY,
  calls INTEGER NOT NULL,
  cost INTEGER NOT NULL,
  unpriced_input_tokens INTEGER NOT NULL,
  unpriced_output_tokens INTEGER NOT NULL
) WITHOUT ROWID;

ALTER TABLE stats_state ADD COLUMN minutes_version INTEGER NOT NULL DEFAULT 0;
ALTER TABLE stats_state ADD COLUMN minutes_since TEXT DEFAULT NULL;
