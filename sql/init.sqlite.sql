-- The same tables as init.sql, for the embedded SQLite database: the whole schema. The service runs this on a new file;
-- an older one it brings up to date by itself. Times are UTC texts, 'YYYY-MM-DD HH:MM:SS'.

CREATE TABLE IF NOT EXISTS image_classification_cache (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  image_hash TEXT NOT NULL UNIQUE,
  category TEXT NOT NULL,
  confidence REAL NOT NULL,
  description TEXT DEFAULT NULL,
  model_used TEXT NOT NULL,
  model_response TEXT DEFAULT NULL,
  prompt_version TEXT NOT NULL,
  input_tokens INTEGER DEFAULT NULL,
  output_tokens INTEGER DEFAULT NULL,
  cached_tokens INTEGER DEFAULT NULL,
  hit_count INTEGER NOT NULL DEFAULT 1,
  created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
  last_hit_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
  image_size INTEGER DEFAULT NULL,
  hit_scale INTEGER GENERATED ALWAYS AS (
    (hit_count >= 4) + (hit_count >= 16) + (hit_count >= 64) + (hit_count >= 256) + (hit_count >= 1024)
    + (hit_count >= 4096) + (hit_count >= 16384) + (hit_count >= 65536) + (hit_count >= 262144) + (hit_count >= 1048576)
    + (hit_count >= 4194304) + (hit_count >= 16777216) + (hit_count >= 67108864) + (hit_count >= 268435456) + (hit_count >= 1073741824)
  ) VIRTUAL
);
CREATE INDEX IF NOT EXISTS idx_cache_created_at ON image_classification_cache (created_at);
CREATE INDEX IF NOT EXISTS idx_cache_category ON image_classification_cache (category);
CREATE INDEX IF NOT EXISTS idx_cache_hit_scale ON image_classification_cache (hit_scale);

CREATE TABLE IF NOT EXISTS request_log (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  request_id TEXT NOT NULL UNIQUE,
  user_id TEXT DEFAULT NULL,
  ip_address TEXT DEFAULT NULL,
  image_hash TEXT NOT NULL,
  image_size INTEGER DEFAULT NULL,
  category TEXT NOT NULL,
  confidence REAL NOT NULL,
  from_cache INTEGER NOT NULL DEFAULT 0,
  processing_time_ms INTEGER DEFAULT NULL,
  created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
  created_date TEXT GENERATED ALWAYS AS (DATE(created_at)) STORED,
  matched_by TEXT DEFAULT NULL,
  saved_bytes INTEGER DEFAULT NULL
);
CREATE INDEX IF NOT EXISTS idx_log_user_created ON request_log (user_id, created_at);

CREATE TABLE IF NOT EXISTS classification_refusal (
  image_hash TEXT PRIMARY KEY,
  expires_at TEXT NOT NULL,
  refused_at TEXT NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_refusal_refused_at ON classification_refusal (refused_at);

CREATE TABLE IF NOT EXISTS classification_lease (
  image_hash TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  expires_at TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS ledger_writer (
  writer TEXT PRIMARY KEY,
  last_batch INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS signature_nonce (
  key_id TEXT NOT NULL,
  nonce TEXT NOT NULL,
  request_id TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  PRIMARY KEY (key_id, nonce)
);
CREATE INDEX IF NOT EXISTS idx_nonce_expires_at ON signature_nonce (expires_at);

CREATE TABLE IF NOT EXISTS schema_version (
  number INTEGER NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  applied_at TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS lease (
  name TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  expires_at TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS model_call (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  request_id TEXT DEFAULT NULL,
  image_hash TEXT NOT NULL,
  provider TEXT DEFAULT NULL,
  model TEXT DEFAULT NULL,
  prompt_version TEXT DEFAULT NULL,
  outcome TEXT NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL,
  lane TEXT NOT NULL DEFAULT 'standard',
  cost REAL DEFAULT NULL,
  duration_ms INTEGER DEFAULT NULL,
  created_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_call_image_hash ON model_call (image_hash);
CREATE INDEX IF NOT EXISTS idx_call_created_at ON model_call (created_at);

CREATE TABLE IF NOT EXISTS image_alias (
  name TEXT PRIMARY KEY,
  image_hash TEXT NOT NULL,
  matched_by TEXT NOT NULL,
  distance INTEGER DEFAULT NULL,
  created_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_alias_image_hash ON image_alias (image_hash);

-- pdq: hex. What SQLite needs to read hex as bytes is newer than the oldest that Python comes with.
CREATE TABLE IF NOT EXISTS image_fingerprint (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  image_hash TEXT NOT NULL UNIQUE,
  pdq TEXT NOT NULL,
  quality INTEGER NOT NULL,
  width INTEGER NOT NULL,
  height INTEGER NOT NULL,
  created_at TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS fingerprint_slot (
  slot INTEGER NOT NULL,
  value INTEGER NOT NULL,
  fingerprint_id INTEGER NOT NULL,
  PRIMARY KEY (slot, value, fingerprint_id)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS near_trial (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  request_id TEXT NOT NULL,
  image_hash TEXT NOT NULL,
  neighbour_hash TEXT NOT NULL,
  distance INTEGER NOT NULL,
  near_category TEXT NOT NULL,
  model_category TEXT NOT NULL,
  created_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_trial_created_at ON near_trial (created_at);

CREATE TABLE IF NOT EXISTS budget (
  period TEXT PRIMARY KEY,
  spent INTEGER NOT NULL,
  told INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE IF NOT EXISTS budget_reservation (
  id TEXT PRIMARY KEY,
  day TEXT NOT NULL,
  amount INTEGER NOT NULL,
  expires_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_reservation_expires_at ON budget_reservation (expires_at);

CREATE TABLE IF NOT EXISTS change_counter (
  topic TEXT PRIMARY KEY,
  number INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS cache_change (
  number INTEGER PRIMARY KEY,
  image_hash TEXT NOT NULL,
  kind TEXT NOT NULL,
  changed_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_change_image_hash ON cache_change (image_hash);

CREATE TABLE IF NOT EXISTS audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  request_id TEXT NOT NULL,
  key_name TEXT DEFAULT NULL,
  ip_address TEXT DEFAULT NULL,
  action TEXT NOT NULL,
  image_hash TEXT DEFAULT NULL,
  reason TEXT NOT NULL,
  value_before TEXT DEFAULT NULL,
  value_after TEXT DEFAULT NULL,
  created_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS idx_audit_request_id ON audit (request_id);
CREATE INDEX IF NOT EXISTS idx_audit_image_hash ON audit (image_hash);

CREATE TABLE IF NOT EXISTS erased_user (
  user_digest TEXT PRIMARY KEY,
  erased_at TEXT NOT NULL
);

CREATE TABLE IF NOT EXISTS client_calls (
  day TEXT NOT NULL,
  client TEXT NOT NULL,
  calls INTEGER NOT NULL,
  PRIMARY KEY (day, client)
);

CREATE TABLE IF NOT EXISTS feedback (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  user_id TEXT NOT NULL,
  image_hash TEXT NOT NULL,
  request_id TEXT NOT NULL,
  category TEXT DEFAULT NULL,
  answered TEXT NOT NULL,
  created_at TEXT NOT NULL,
  number INTEGER NOT NULL,
  UNIQUE (user_id, image_hash)
);
CREATE INDEX IF NOT EXISTS idx_feedback_image_hash ON feedback (image_hash);
CREATE INDEX IF NOT EXISTS idx_feedback_number ON feedback (number);

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
  cache_hits INTEGER NOT NULL DEFAULT 0,
  minutes_version INTEGER NOT NULL DEFAULT 0,
  minutes_since TEXT DEFAULT NULL
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

CREATE TABLE IF NOT EXISTS stats_recent (
  moment TEXT NOT NULL,
  kind TEXT NOT NULL,
  requests INTEGER NOT NULL,
  PRIMARY KEY (moment, kind)
) WITHOUT ROWID;

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

INSERT INTO stats_state (id, built_at) VALUES (1, CURRENT_TIMESTAMP);

INSERT INTO schema_version (number, name, applied_at) VALUES
  (1, 'tables', CURRENT_TIMESTAMP),
  (2, 'lease_and_model_call', CURRENT_TIMESTAMP),
  (3, 'earlier_model_calls', CURRENT_TIMESTAMP),
  (4, 'identity', CURRENT_TIMESTAMP),
  (5, 'unused_indexes', CURRENT_TIMESTAMP),
  (6, 'budgets', CURRENT_TIMESTAMP),
  (7, 'corrections', CURRENT_TIMESTAMP),
  (8, 'statistics', CURRENT_TIMESTAMP),
  (9, 'hit_scale', CURRENT_TIMESTAMP),
  (10, 'log_by_id', CURRENT_TIMESTAMP),
  (11, 'recent_requests', CURRENT_TIMESTAMP),
  (12, 'minutes', CURRENT_TIMESTAMP);
