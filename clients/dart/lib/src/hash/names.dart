// The names of a photo, by which it is asked for before it is uploaded.

import 'dart:typed_data';

import 'package:crypto/crypto.dart';

import 'formats.dart';
import 'parts.dart';

/// What a photo is asked for by. The names are those of the original file, whatever is uploaded of it.
class Names {
  const Names(this.imageHash, [this.contentHash]);

  /// Hashes the bytes of an image file, which takes a second for 20 MB: `namesOf` does it in an isolate.
  factory Names.of(Uint8List data) => Names(sha256.convert(data).toString(), contentHash(data));

  /// SHA-256 of the file, 64 lower-case hexadecimal digits.
  final String imageHash;

  /// The hash of what decodes (`c1:...`); null where the file has no such name.
  final String? contentHash;
}

/// Returns `c1:` and 64 lower-case hexadecimal digits for an image file; null where it has no such name.
String? contentHash(Uint8List data) {
  try {
    final digests = _Digests();
    final input = sha256.startChunkedConversion(digests);
    namedParts(data).forEach(input.add);
    input.close();
    return 'c1:${digests.only}';
  } on NoName {
    return null;
  } on RangeError {
    return null; // an index behind the end of the data: the file is cut off
  }
}

class _Digests implements Sink<Digest> {
  late final Digest only;

  @override
  void add(Digest data) => only = data;

  @override
  void close() {}
}
