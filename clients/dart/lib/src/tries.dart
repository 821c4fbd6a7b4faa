// Decides whether to try once more, and how long to wait before that.
//
// Trying again cannot pay twice for an answer: the service knows a photo by its bytes, stores the answer even if
// whoever asked has gone, and lets all who upload the same photo wait for one answer.

import 'dart:math';

import 'again.dart';
import 'errors.dart';

const firstPause = Duration(milliseconds: 500);
const longestPause = Duration(seconds: 8);

/// The tries of one photo, within one time for all of them.
class Tries {
  Tries(this.total, this.maxTries, {double Function()? chance}) : _chance = chance ?? Random().nextDouble;

  final Duration total;
  final int maxTries;
  final double Function() _chance;
  final Stopwatch _clock = Stopwatch()..start();
  int _tried = 0;
  int _allTries = 0;

  /// What is left of the time, never less than nothing.
  Duration get left => _clock.elapsed < total ? total - _clock.elapsed : Duration.zero;

  /// Counts tries anew: another request begins. The time goes on.
  void beginRequest() => _tried = 0;

  /// Returns how long to wait before the next try; null where there is to be none.
  Duration? pauseAfter(ClassifierException error) {
    _tried++;
    _allTries++;
    error.tries = _allTries;
    if (!_mayPass(error) || _tried >= maxTries) return null;
    final pause = _pauseOf(error);
    return pause < left ? pause : null;
  }

  Duration _pauseOf(ClassifierException error) {
    if (error is ServiceException && error.retryAfter != null) return error.retryAfter!;
    final doubled = firstPause * pow(2, min(_tried - 1, 10));
    final longest = doubled < longestPause ? doubled : longestPause;
    return longest * (0.5 + _chance() / 2);
  }
}

/// Whether the same request may be answered a little later.
bool _mayPass(ClassifierException error) {
  if (error is ConnectionFailed) return !error.isFinal;
  return error is ServiceException && mayPassLater(error.status, error.code);
}
