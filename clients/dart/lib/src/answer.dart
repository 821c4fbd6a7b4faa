// What the service says of a photo.

/// Which category a photo belongs to.
class Answer {
  const Answer({
    required this.category,
    required this.confidence,
    required this.description,
    required this.fromCache,
    this.requestId,
    this.matchedBy,
    this.isDegraded = false,
    this.modelUsed,
    this.correctedBy,
    this.uploadedBytes = 0,
  });

  /// Reads the answer that a body of the service holds. Throws [FormatException] for others.
  factory Answer.fromJson(Map<String, Object?> body, {int uploadedBytes = 0}) {
    if (body case {
      'data': {'category': final String category, 'confidence': final num confidence},
      'from_cache': final bool fromCache,
    } when category.isNotEmpty) {
      return Answer(
        category: category,
        confidence: confidence.toDouble(),
        description: _text((body['data']! as Map<String, Object?>)['description']),
        fromCache: fromCache,
        requestId: _text(body['request_id']),
        matchedBy: _text(body['matched_by']),
        isDegraded: body['degraded'] == true,
        modelUsed: _text(body['model_used']),
        correctedBy: _text(body['corrected_by']),
        uploadedBytes: uploadedBytes,
      );
    }
    throw const FormatException('This is no answer of the photo classification service.');
  }

  /// A key that `GET /categories` lists: `pets`, `foods`, ...
  final String category;

  /// 0 to 1.
  final double confidence;
  final String? description;

  /// The answer was known: nothing was paid for it.
  final bool fromCache;
  final String? requestId;

  /// How the photo was recognised: `bytes`, `content`, `question`, `near`; null: a model was asked.
  final String? matchedBy;

  /// No model could be asked, and the embedded network answered: a later upload may be answered better.
  final bool isDegraded;
  final String? modelUsed;

  /// `you`, where the user has told the service what the photo shows.
  final String? correctedBy;

  /// What was sent for it; 0 where the hash was enough.
  final int uploadedBytes;
}

String? _text(Object? value) => value is String ? value : null;
