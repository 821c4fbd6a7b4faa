-- Sums of the statistics by day, and the outbox from which they grow. In a database that has rows they are incomplete
-- until `python -m app.cli rebuild` has counted these. A user's first and last request are found by an index.

CREATE TABLE IF NOT EXISTS stats_outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  sign INTEGER NOT NULL DEFAULT 1,
  records TEXT NOT NULL,
  calls TEXT NOT NULL,
  images INTEGER NOT NULL DEFAULT 0,
  cache_hits INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE IF NOT EXISTS stats_state (
  id INTEGER PRIMARY KEY,
  version INTEGER NOT NULL DEFAULT 0,
  timezone TEXT NOT NULL DEFAULT '',
  built_at TEXT DEFAULT NULL,
  images INTEGER NOT NULL DEFAULT 0,
  cache_hits INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE IF NOT EXISTS stats_request (
  day TEXT NOT NULL,
  kind TEXT NOT NULL,
  requests INTEGER NOT NULL,
  processing_ms INTEGER NOT NULL,
  timed INTEGER NOT NULL,
  uploaded_bytes INTEGER NOT NULL,
  not_uploaded INTEGER NOT NULL,
  saved_bytes INTEGER NOT NULL,
  PRIMARY KEY (day, kind)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS stats_category (
  day TEXT NOT NULL,
  category TEXT NOT NULL,
  requests INTEGER NOT NULL,
  confidence INTEGER NOT NULL,
  PRIMARY KEY (day, category)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS stats_latency (
  day TEXT NOT NULL,
  kind TEXT NOT NULL,
  bucket INTEGER NOT NULL,
  requests INTEGER NOT NULL,
  PRIMARY KEY (day, kind, bucket)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS stats_call (
  day TEXT NOT NULL,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  lane TEXT NOT NULL,
  outcome TEXT NOT NULL,
  calls INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL,
  cost INTEGER NOT NULL,
  unpriced_input_tokens INTEGER NOT NULL,
  unpriced_output_tokens INTEGER NOT NULL,
  timed INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  PRIMARY KEY (day, provider, model, lane, outcome)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS stats_member (
  day TEXT NOT NULL,
  kind TEXT NOT NULL,
  member TEXT NOT NULL,
  requests INTEGER NOT NULL,
  PRIMARY KEY (day, kind, member)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS stats_distinct (
  day TEXT NOT NULL,
  kind TEXT NOT NULL,
  members INTEGER NOT NULL,
  PRIMARY KEY (day, kind)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS stats_user (
  user_id TEXT NOT NULL,
  requests INTEGER NOT NULL,
  cache_hits INTEGER NOT NULL,
  PRIMARY KEY (user_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS idx_stats_user_requests ON stats_user (requests DESC, user_id);

INSERT INTO stats_state (id, built_at)
SELECT 1, CASE WHEN EXISTS (SELECT 1 FROM request_log) OR EXISTS (SELECT 1 FROM model_call)
    OR EXISTS (SELECT 1 FROM image_classification_cache)
  THEN NULL ELSE CURRENT_TIMESTAMP END
WHERE true
ON CONFLICT (id) DO NOTHING;

CREATE INDEX IF NOT EXISTS idx_log_user_created ON request_log (user_id, created_at);
DROP INDEX IF EXISTS idx_log_user_id;
