-- The images with the most hits are found by the power of four that their hits have reached. That changes seldom, where
-- an index of the hits themselves is changed by every hit.

ALTER TABLE image_classification_cache ADD COLUMN hit_scale INTEGER GENERATED ALWAYS AS (
    (hit_count >= 4) + (hit_count >= 16) + (hit_count >= 64) + (hit_count >= 256) + (hit_count >= 1024)
    + (hit_count >= 4096) + (hit_count >= 16384) + (hit_count >= 65536) + (hit_count >= 262144) + (hit_count >= 1048576)
    + (hit_count >= 4194304) + (hit_count >= 16777216) + (hit_count >= 67108864) + (hit_count >= 268435456) + (hit_count >= 1073741824)
  ) VIRTUAL;
CREATE INDEX IF NOT EXISTS idx_cache_hit_scale ON image_classification_cache (hit_scale);
DROP INDEX IF EXISTS idx_cache_hit_count;
