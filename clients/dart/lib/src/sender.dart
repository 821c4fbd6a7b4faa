// Sends requests, each once, within a time, until the client is closed.

import 'dart:async';
import 'dart:typed_data';

import 'package:http/http.dart' as http;

import 'errors.dart';
import 'platform/in_browsers.dart' if (dart.library.io) 'platform/with_isolates.dart';
import 'reading.dart';
import 'requests.dart';

/// No answer of the service is near it: 200 hits are 100 KB.
const maxAnswerBytes = 4 * 1024 * 1024;

/// Sends requests through an HTTP client.
class Sender {
  Sender(this._http);

  final http.Client _http;
  final Set<Completer<void>> _underWay = {};
  bool _isClosed = false;

  /// Ends what is under way, with [ClientClosed].
  void close() {
    _isClosed = true;
    _underWay.toList().forEach(_complete);
  }

  /// Waits; ends early, with [ClientClosed], where the client is closed.
  Future<void> pause(Duration time) => _within(time, (end) => end);

  /// Returns what the service replies within [time]. Throws [ConnectionFailed] or [ClientClosed].
  Future<Reply> send(Build build, Duration time) {
    return _within(time, (end) {
      final tooLate = end.then<Reply>((_) => throw _stopped());
      // Not every client ends a request when it is told to: the first of the two counts.
      return Future.any([tooLate, _sent(build(end))]);
    });
  }

  /// Does something with a future that completes after [time], or when the client is closed.
  Future<T> _within<T>(Duration time, Future<T> Function(Future<void> end) work) async {
    if (_isClosed) throw ClientClosed();
    final end = Completer<void>();
    final timer = Timer(time, () => _complete(end));
    _underWay.add(end);
    try {
      final value = await work(end.future);
      if (_isClosed) throw ClientClosed();
      return value;
    } finally {
      timer.cancel();
      _underWay.remove(end);
    }
  }

  ClassifierException _stopped() => _isClosed ? ClientClosed() : TimedOut();

  Future<Reply> _sent(http.BaseRequest request) async {
    try {
      final response = await _http.send(request);
      final body = BytesBuilder(copy: false);
      await for (final piece in response.stream) {
        body.add(piece);
        if (body.length > maxAnswerBytes) {
          throw ConnectionFailed('The answer is larger than $maxAnswerBytes bytes.', isFinal: true);
        }
      }
      return Reply(response.statusCode, response.headers, body.takeBytes());
    } on ClassifierException {
      rethrow;
    } on http.RequestAbortedException {
      throw _stopped();
    } on Exception catch (error) {
      throw ConnectionFailed('$error', isFinal: isAboutCertificate(error));
    }
  }
}

void _complete(Completer<void> one) {
  if (!one.isCompleted) one.complete();
}
