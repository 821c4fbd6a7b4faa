// Classifies the files that are named: dart run example/classify.dart photo.jpg other.heic

import 'dart:io';

import 'package:photo_classifier/photo_classifier.dart';

Future<void> main(List<String> paths) async {
  final url = Uri.parse(Platform.environment['CLASSIFIER_URL'] ?? 'http://127.0.0.1:8000');
  final classifier = Classifier(Options(url, apiKey: Platform.environment['CLASSIFIER_API_KEY']));
  try {
    final outcomes = await classifier.classifyMany(
      paths.map(File.new),
      (file) => file.readAsBytes(),
      onDone: (outcome, done) => stderr.writeln('$done of ${paths.length}'),
    );
    for (final outcome in outcomes) {
      stdout.writeln('${outcome.photo.path}\t${outcome.answer?.category ?? outcome.error}');
    }
  } finally {
    classifier.close();
  }
}
