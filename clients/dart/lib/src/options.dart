// How a client behaves. All of it has defaults that suit phones on common networks.

import 'dart:typed_data';

const _api = '/api/v1';
final _userId = RegExp(r'^[A-Za-z0-9._:@-]{1,64}$');
final _printable = RegExp(r'^[\x20-\x7e]+$');

/// How long a photo may take, and how often is asked.
class Limits {
  const Limits({
    this.total = const Duration(seconds: 120),
    this.check = const Duration(seconds: 15),
    this.answer = const Duration(seconds: 45),
    this.deferredTotal = const Duration(minutes: 20),
    this.deferredAnswer = const Duration(minutes: 16),
    this.maxTries = 8,
  });

  /// For one photo over all tries, waiting between them included.
  final Duration total;

  /// For the answer to a question by hash.
  final Duration check;

  /// For a try of an upload, and a second more for each 100 KB of the file. Above the service's `LLM_TIMEOUT`, so that
  /// its own answer is seen.
  final Duration answer;

  /// The same as [total] and [answer] for `Lane.deferred`, where the model may take a quarter of an hour.
  final Duration deferredTotal;
  final Duration deferredAnswer;

  /// Of each request.
  final int maxTries;
}

/// How a photo is asked about, where not at once and at the full price.
enum Lane {
  /// At the vendor's reduced price, and slower.
  deferred,
}

/// Where the service is, who asks, and how.
class Options {
  /// Throws [ArgumentError] where one of them cannot be sent.
  Options(
    this.url, {
    this.apiKey,
    this.token,
    this.userId,
    this.limits = const Limits(),
    this.shrink,
    this.shrinkAboveBytes = 1500000,
  }) {
    if (!(url.isScheme('http') || url.isScheme('https')) || url.host.isEmpty) {
      throw ArgumentError.value(url, 'url', 'must begin with http:// or https:// and name a host');
    }
    final user = userId;
    if (user != null && !_userId.hasMatch(user)) {
      throw ArgumentError.value(user, 'userId', 'must be 1 to 64 characters from A-Z a-z 0-9 . _ : @ -');
    }
    final key = apiKey;
    if (key != null && !_printable.hasMatch(key)) throw ArgumentError('apiKey must be printable ASCII');
    if (key != null && token != null) {
      throw ArgumentError('token must be without an apiKey, which would be looked at alone');
    }
  }

  /// Where the service is, with or without `/api/v1`.
  final Uri url;
  final String? apiKey;

  /// Where users sign in: returns the user's token as it is now, before each request.
  final String Function()? token;

  /// The user or device, hard to guess: whoever knows it may read its history.
  final String? userId;
  final Limits limits;

  /// Makes a smaller copy of a photo that has to be uploaded, or none. It is asked for by its own names first.
  final Future<Uint8List?> Function(Uint8List photo)? shrink;

  /// A larger photo is shrunk, where there is a [shrink].
  final int shrinkAboveBytes;

  /// Returns the address of a call.
  Uri callAt(String path, [Map<String, String>? query]) {
    final base = url.path.replaceFirst(RegExp(r'/+$'), '');
    return url.replace(path: '${base.endsWith(_api) ? base : '$base$_api'}$path', queryParameters: query);
  }
}
