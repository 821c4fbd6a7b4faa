// What came of one of many photos.

import 'answer.dart';
import 'errors.dart';

/// An answer or an error, never both.
class Outcome<T> {
  const Outcome.answered(this.photo, Answer this.answer) : error = null;
  const Outcome.failed(this.photo, ClassifierException this.error) : answer = null;

  final T photo;
  final Answer? answer;
  final ClassifierException? error;
}

/// What is known of a photo that was asked for by its hashes: an answer, an error of its own, or neither: upload it.
class Checked {
  const Checked.known(Answer this.answer) : error = null;
  const Checked.failed(ClassifierException this.error) : answer = null;
  const Checked.unknown() : answer = null, error = null;

  final Answer? answer;
  final ClassifierException? error;

  bool get isUnknown => answer == null && error == null;
}
