// Looks into those chunks of a PNG that are not hashed: for the orientation, and for what makes Pillow refuse a file or
// read it otherwise.

import 'dart:typed_data';

import 'inflate.dart';
import 'orientation.dart';
import 'parts.dart';

const _maxCompressedChunks = 8;
const _maxSkippedBytes = 32 * 1024 * 1024;
const _animation = ['acTL', 'fcTL', 'fdAT'];
const _xmpKeyword = 'XML:com.adobe.xmp';

/// What the chunks so far tell.
class PngMetadata {
  Uint8List? _exif;
  Uint8List? _xmp;
  int _compressed = 0;
  int _skippedBytes = 0;

  /// Returns 1 to 8.
  int turned() => orientation(_exif, _xmp);

  /// Looks into a chunk that is not hashed.
  void read(String kind, Uint8List body) {
    need(RegExp(r'^[a-z]').hasMatch(kind) && !_animation.contains(kind));
    need(_hasRightLength(kind, body.length));
    _skippedBytes += body.length;
    need(_skippedBytes <= _maxSkippedBytes);
    if (kind == 'eXIf') {
      need(_exif == null);
      _exif = body;
    } else if (kind == 'tEXt') {
      _checkKeyword(_keyword(body));
    } else if (kind == 'zTXt') {
      _checkKeyword(_keyword(body));
      _checkCompressed(_behindKeyword(body));
    } else if (kind == 'iCCP') {
      _checkCompressed(_behindKeyword(body));
    } else if (kind == 'iTXt') {
      _readInternational(_keyword(body), _behindKeyword(body));
    }
  }

  void _readInternational(String name, Uint8List rest) {
    final compressed = byteAt(rest, 0);
    final method = byteAt(rest, 1);
    need(compressed <= 1 && method == 0);
    // A language and the keyword in that language, each ended by a zero byte, stand before the text.
    final limit = 2 + 1024;
    final languageEnd = _zeroIn(rest, 2, limit);
    final text = cut(rest, _zeroIn(rest, languageEnd + 1, limit) + 1);
    if (name == _xmpKeyword) {
      need(_xmp == null && compressed == 0);
      _xmp = text;
      return;
    }
    _checkKeyword(name);
    if (compressed == 1) _checkStream(text);
  }

  /// Refuses what is no stream of the one method there is.
  void _checkCompressed(Uint8List packed) {
    need(byteAt(packed, 0) == 0);
    _checkStream(cut(packed, 1));
  }

  /// Refuses what is damaged or inflates to 1 MiB or more, as Pillow does.
  void _checkStream(Uint8List stream) {
    _compressed++;
    need(_compressed <= _maxCompressedChunks);
    inflatedLength(stream, maxMetadataBytes);
  }
}

bool _hasRightLength(String kind, int length) {
  if (kind == 'gAMA') return length == 4;
  if (kind == 'cHRM') return length == 32;
  if (kind == 'sRGB') return length == 1;
  if (kind == 'pHYs') return length == 9;
  return true;
}

/// Returns the keyword with which a chunk begins.
String _keyword(Uint8List body) {
  final end = _zeroIn(body, 0, 80);
  need(end >= 1);
  return textOf(cut(body, 0, end));
}

/// Returns what follows the zero byte behind the keyword.
Uint8List _behindKeyword(Uint8List body) => cut(body, _keyword(body).length + 1);

/// Returns where the first zero byte is, from [start] on and before [end].
int _zeroIn(Uint8List data, int start, int end) {
  for (var at = start; at < end && at < data.length; at++) {
    if (data[at] == 0) return at;
  }
  throw const NoName();
}

/// Refuses names under which Pillow keeps notes of its own.
void _checkKeyword(String name) {
  need(name != _xmpKeyword && !RegExp(r'^(?:[a-z_0-9]+|Raw profile type exif[^]*)$').hasMatch(name));
}
