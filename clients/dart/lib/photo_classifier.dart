/// Client of the self-hosted photo classification service, for Flutter and plain Dart.
library;

export 'src/answer.dart';
export 'src/classifier.dart' show Classifier, defaultConcurrency, maxBatch;
export 'src/errors.dart' hide serviceException;
export 'src/hash/names.dart';
export 'src/options.dart';
export 'src/outcome.dart';
export 'src/photo.dart';
export 'src/version.dart';
