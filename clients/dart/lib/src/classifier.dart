// The class that apps use: ask by hash, upload on a miss, try again.

import 'dart:typed_data';

import 'package:http/http.dart' as http;

import 'answer.dart';
import 'errors.dart';
import 'hash/names.dart';
import 'options.dart';
import 'outcome.dart';
import 'photo.dart';
import 'reading.dart';
import 'requests.dart';
import 'sender.dart';
import 'tries.dart';

/// Photos that are asked for in one call.
const maxBatch = 200;

/// Photos that are under way at a time, unless somebody says otherwise.
const defaultConcurrency = 4;

/// How long the service is asked to wait for the answer to an upload whose connection was lost.
const _waitForLostAnswer = Duration(seconds: 5);

/// What a byte takes on a slow line, of 100 KB a second: a try of an upload has so much more time.
const _timeOfByte = Duration(microseconds: 10);

/// Classifies photos by the service at `options.url`.
///
/// A client of one's own, for a proxy or certificates, is not closed with this one.
class Classifier {
  Classifier(Options options, {http.Client? client}) : this._(options, client ?? http.Client(), client == null);

  Classifier._(this.options, this._http, this._ownsHttp) : _sender = Sender(_http);

  final Options options;
  final http.Client _http;
  final bool _ownsHttp;
  final Sender _sender;
  bool _batchIsOffered = true;

  /// Ends all connections. Calls that are under way end with [ClientClosed]; the service keeps the answer to an upload
  /// that has arrived.
  void close() {
    _sender.close();
    if (_ownsHttp) _http.close();
  }

  /// Returns the answer to a photo: asked for by its hashes, uploaded if it is not known. [photo] is the original file.
  ///
  /// `Lane.deferred` asks at the vendor's reduced price, which takes longer. [isMissed]: [check] has just said that it
  /// is not known. Throws [ClassifierException].
  Future<Answer> classify(Uint8List photo, {Lane? lane, bool isMissed = false}) async {
    final names = await namesOf(photo);
    final tries = _tries(lane);
    final known = isMissed ? null : await _check(names, tries);
    if (known != null) return known;
    final copy = await _smallerCopy(photo);
    if (copy == null) return _upload(photo, names, tries, lane);
    // The service knows a copy by the copy's own names: of an earlier upload of it the answer is there.
    final copyNames = await namesOf(copy);
    return await _check(copyNames, tries) ?? await _upload(copy, copyNames, tries, lane);
  }

  /// Returns the answer to a photo if it is known, without uploading it. Throws [ClassifierException].
  Future<Answer?> check(Names names) => _check(names, _tries());

  /// Returns for each photo what is known of it, in order.
  ///
  /// Asks for 200 at a time; one by one where the server is of a version that lacks that call. Throws
  /// [ClassifierException] where nothing could be asked.
  Future<List<Checked>> checkMany(List<Names> many, {int concurrency = defaultConcurrency}) async {
    final found = <Checked>[];
    for (var start = 0; start < many.length; start += maxBatch) {
      final end = start + maxBatch < many.length ? start + maxBatch : many.length;
      found.addAll(await _checkSome(many.sublist(start, end), concurrency));
    }
    return found;
  }

  /// Returns what came of each photo, in their order. So many are under way at a time, and no more are read ahead.
  ///
  /// [read] returns the bytes of a photo, as `(file) => file.readAsBytes()`. [onDone] is told of each, and how many are
  /// done.
  Future<List<Outcome<T>>> classifyMany<T>(
    Iterable<T> photos,
    Future<Uint8List> Function(T photo) read, {
    int concurrency = defaultConcurrency,
    Lane? lane,
    void Function(Outcome<T> outcome, int done)? onDone,
  }) async {
    var done = 0;
    return _inParallel(photos, concurrency, (photo) async {
      final outcome = await _outcomeOf(photo, read, lane);
      done++;
      onDone?.call(outcome, done);
      return outcome;
    });
  }

  Future<Outcome<T>> _outcomeOf<T>(T photo, Future<Uint8List> Function(T photo) read, Lane? lane) async {
    final Uint8List bytes;
    try {
      bytes = await read(photo);
    } on Exception catch (error) {
      return Outcome.failed(photo, PhotoUnreadable('$error'));
    }
    try {
      return Outcome.answered(photo, await classify(bytes, lane: lane));
    } on ClassifierException catch (error) {
      return Outcome.failed(photo, error);
    }
  }

  Future<Uint8List?> _smallerCopy(Uint8List photo) async {
    final shrink = options.shrink;
    if (shrink == null || photo.length <= options.shrinkAboveBytes) return null;
    Uint8List? copy;
    try {
      copy = await shrink(photo);
    } on Exception {
      return null; // the original will do
    }
    return copy != null && copy.isNotEmpty && copy.length < photo.length ? copy : null;
  }

  Future<List<Checked>> _checkSome(List<Names> many, int concurrency) async {
    if (_batchIsOffered) {
      try {
        return await _repeated(_tries(), (tries) async {
          return readBatch(await _send(checkBatchRequest(options, many), options.limits.check, tries), many.length);
        });
      } on NotOffered {
        _batchIsOffered = false;
      }
    }
    return _inParallel(many, concurrency, _checkOne);
  }

  Future<Checked> _checkOne(Names names) async {
    try {
      final answer = await check(names);
      return answer == null ? const Checked.unknown() : Checked.known(answer);
    } on ClassifierException catch (error) {
      return Checked.failed(error);
    }
  }

  Future<Answer?> _check(Names names, Tries tries) {
    return _repeated(tries, (tries) async {
      return readCheck(await _send(checkRequest(options, names), options.limits.check, tries));
    });
  }

  /// Uploads until there is an answer. After a lost connection the answer is asked for first, until the service says
  /// that there is none: an upload that had arrived is being answered or known already, and is not sent again.
  Future<Answer> _upload(Uint8List file, Names names, Tries tries, Lane? lane) {
    final answerTime = lane == null ? options.limits.answer : options.limits.deferredAnswer;
    final time = answerTime + _timeOfByte * file.length;
    var mayHaveArrived = false;
    return _repeated(tries, (tries) async {
      if (mayHaveArrived) {
        final question = checkRequest(options, names, wait: _waitForLostAnswer);
        final known = readCheck(await _send(question, options.limits.check, tries));
        if (known != null) return known;
        mayHaveArrived = false;
      }
      try {
        final upload = uploadRequest(options, file, names.imageHash, lane);
        return readUpload(await _send(upload, time, tries), file.length);
      } on ConnectionFailed {
        mayHaveArrived = true;
        rethrow;
      }
    });
  }

  Future<T> _repeated<T>(Tries tries, Future<T> Function(Tries tries) attempt) async {
    tries.beginRequest();
    while (true) {
      try {
        return await attempt(tries);
      } on ClassifierException catch (error) {
        final pause = tries.pauseAfter(error);
        if (pause == null) rethrow;
        await _sender.pause(pause);
      }
    }
  }

  Future<Reply> _send(Build build, Duration most, Tries tries) async {
    final left = tries.left < most ? tries.left : most;
    if (left <= Duration.zero) throw TimedOut('There was no time left to ask.');
    return _sender.send(build, left);
  }

  Tries _tries([Lane? lane]) {
    final limits = options.limits;
    return Tries(lane == null ? limits.total : limits.deferredTotal, limits.maxTries);
  }
}

/// Returns the function's values in the order of the items, each taken when there is a place for it.
Future<List<R>> _inParallel<T, R>(Iterable<T> items, int concurrency, Future<R> Function(T item) work) async {
  final values = <int, R>{};
  final left = items.iterator;
  var next = 0;
  Future<void> place() async {
    while (left.moveNext()) {
      final index = next++;
      values[index] = await work(left.current);
    }
  }

  await Future.wait([for (var one = 0; one < (concurrency < 1 ? 1 : concurrency); one++) place()]);
  return [for (var index = 0; index < next; index++) values[index] as R];
}
