-- The tables as they were when versions were begun. A database from before has them and is left as it is.

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
  last_hit_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);
CREATE INDEX IF NOT EXISTS idx_cache_created_at ON image_classification_cache (created_at);
CREATE INDEX IF NOT EXISTS idx_cache_category ON image_classification_cache (category);
CREATE INDEX IF NOT EXISTS idx_cache_hit_count ON image_classification_cache (hit_count);

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
  created_date TEXT GENERATED ALWAYS AS (DATE(created_at)) STORED
);
CREATE INDEX IF NOT EXISTS idx_log_user_id ON request_log (user_id);
CREATE INDEX IF NOT EXISTS idx_log_ip_address ON request_log (ip_address);
CREATE INDEX IF NOT EXISTS idx_log_created_date ON request_log (created_date);
CREATE INDEX IF NOT EXISTS idx_log_from_cache ON request_log (from_cache);
CREATE INDEX IF NOT EXISTS idx_log_created_at ON request_log (created_at);
CREATE INDEX IF NOT EXISTS idx_log_category ON request_log (category);

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
