-- The requests of the last hour by five seconds, for the live feed. They are there from the first process of this version
-- on, which adds them with the other sums.

CREATE TABLE IF NOT EXISTS `stats_recent` (
  `moment` DATETIME NOT NULL COMMENT 'the first of five seconds',
  `kind` VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'as in stats_request',
  `requests` BIGINT NOT NULL,
  PRIMARY KEY (`moment`, `kind`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='the requests of the last hour, by five seconds';
