-- Leases for anything that one process at a time does, and a row for each question to a model.

CREATE TABLE IF NOT EXISTS `lease` (
  `name` VARCHAR(96) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'what is held, as photo:<hash>',
  `owner` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'who holds it',
  `expires_at` DATETIME(3) NOT NULL COMMENT 'when another may have it',
  PRIMARY KEY (`name`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='what one process at a time does, and which does it now';

CREATE TABLE IF NOT EXISTS `model_call` (
  `id` BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  `request_id` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL COMMENT 'the request that asked; NULL: not on record',
  `image_hash` VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'SHA-256, lower-case hex',
  `provider` VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin DEFAULT NULL COMMENT 'LLM_PROVIDER; NULL: not on record',
  `model` VARCHAR(100) DEFAULT NULL COMMENT 'name of the model that was asked; NULL: not on record',
  `prompt_version` VARCHAR(16) DEFAULT NULL COMMENT 'version of the prompt; NULL: not on record',
  `outcome` VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'answered, refused, or what failed',
  `input_tokens` INT UNSIGNED NOT NULL COMMENT 'as the vendor counted; 0: not told',
  `output_tokens` INT UNSIGNED NOT NULL COMMENT 'as the vendor counted; 0: not told',
  `cached_tokens` INT UNSIGNED NOT NULL COMMENT 'the part of input_tokens that the vendor had cached',
  `lane` VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT 'standard' COMMENT 'which of the prices of the vendor',
  `cost` DECIMAL(20,10) DEFAULT NULL COMMENT 'at the prices of that moment; NULL: not on record',
  `duration_ms` INT UNSIGNED DEFAULT NULL COMMENT 'from the question sent to what became of it; NULL: not on record',
  `created_at` DATETIME NOT NULL COMMENT 'when it was asked',
  PRIMARY KEY (`id`),
  KEY `idx_image_hash` (`image_hash`),
  KEY `idx_created_at` (`created_at`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_ci
COMMENT='one row for each question to a model, whatever became of it';
