-- Old rows of the log are found by their ids, which rise with time. sql/README.md has the index, for who asks by it.

DROP INDEX IF EXISTS idx_log_created_at;
