-- Wrong answers can be mended: what operators change, and who must hear of it.

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
