-- One row of model_call for each answer and each refusal from before there was that table, so that the sums of tokens
-- stay. What was not on record then is NULL. Running it again adds what is missing, and nothing twice.

-- total: SELECT COUNT(*) FROM image_classification_cache
-- slice after 0: SELECT MAX(id), COUNT(*) FROM (SELECT id FROM image_classification_cache WHERE id > :after ORDER BY id LIMIT :rows) AS slice
INSERT INTO model_call
  (image_hash, model, prompt_version, outcome, input_tokens, output_tokens, cached_tokens, created_at)
SELECT c.image_hash, c.model_used, c.prompt_version, 'answered',
  COALESCE(c.input_tokens, 0), COALESCE(c.output_tokens, 0), COALESCE(c.cached_tokens, 0), c.created_at
FROM image_classification_cache AS c
WHERE c.id > :after AND c.id <= :upto AND c.model_used <> 'local-heuristic'
  AND NOT EXISTS (SELECT 1 FROM model_call AS m WHERE m.image_hash = c.image_hash AND m.outcome = 'answered');

-- total: SELECT COUNT(*) FROM classification_refusal
-- slice after '': SELECT MAX(image_hash), COUNT(*) FROM (SELECT image_hash FROM classification_refusal WHERE image_hash > :after ORDER BY image_hash LIMIT :rows) AS slice
INSERT INTO model_call
  (image_hash, outcome, input_tokens, output_tokens, cached_tokens, created_at)
SELECT r.image_hash, 'refused', r.input_tokens, r.output_tokens, r.cached_tokens, r.refused_at
FROM classification_refusal AS r
WHERE r.image_hash > :after AND r.image_hash <= :upto
  AND NOT EXISTS (SELECT 1 FROM model_call AS m WHERE m.image_hash = r.image_hash AND m.outcome = 'refused');
