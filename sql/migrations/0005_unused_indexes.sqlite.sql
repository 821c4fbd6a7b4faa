-- Indexes of the specification that no query of ours uses, and that every request pays for. sql/README.md has them, for
-- who asks by them.

DROP INDEX IF EXISTS idx_log_ip_address;
DROP INDEX IF EXISTS idx_log_created_date;
DROP INDEX IF EXISTS idx_log_from_cache;
DROP INDEX IF EXISTS idx_log_category;
