-- Money that is spent in a day or a month, what of it is set aside for questions that are under way, and whose they are.

CREATE TABLE IF NOT EXISTS `budget` (
  `period` VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'a day, 2026-11-29, or a month, 2026-11, of STATS_TIMEZONE',
  `spent` BIGINT NOT NULL COMMENT 'in ten-billionths of the currency, with what is set aside',
  `told` TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'the last per cent that the log told of: 80, 100',
  PRIMARY KEY (`period`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='what questions to models cost, by day and by month';

CREATE TABLE IF NOT EXISTS `budget_reservation` (
  `id` VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'of one question to a model',
  `day` VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'the day, and with it the month, that pays',
  `amount` BIGINT NOT NULL COMMENT 'what is set aside, in ten-billionths of the currency',
  `expires_at` DATETIME(3) NOT NULL COMMENT 'when it counts as spent: its process has died',
  PRIMARY KEY (`id`),
  KEY `idx_expires_at` (`expires_at`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='money that is set aside for questions that are under way';

CREATE TABLE IF NOT EXISTS `client_calls` (
  `day` VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'as 2026-11-29, of STATS_TIMEZONE',
  `client` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'SHA-256 of a key, user or address',
  `calls` INT UNSIGNED NOT NULL COMMENT 'questions that were asked for it, and are billed',
  PRIMARY KEY (`day`, `client`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='how many paid calls of a day are whose';
