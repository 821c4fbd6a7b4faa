-- Indexes of the specification that no query of ours uses, and that every request pays for. sql/README.md has them, for
-- who asks by them. One statement each: where an operator has dropped one already, the others still go.

ALTER TABLE `request_log` DROP KEY `idx_ip_address`, ALGORITHM=INPLACE, LOCK=NONE;
ALTER TABLE `request_log` DROP KEY `idx_created_date`, ALGORITHM=INPLACE, LOCK=NONE;
ALTER TABLE `request_log` DROP KEY `idx_from_cache`, ALGORITHM=INPLACE, LOCK=NONE;
ALTER TABLE `request_log` DROP KEY `idx_category`, ALGORITHM=INPLACE, LOCK=NONE;
