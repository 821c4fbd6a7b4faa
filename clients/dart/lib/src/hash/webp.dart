// Reads of a WebP what decodes: the canvas, whether it has transparency, and the coded picture; of an animation all
// frames.

import 'dart:typed_data';

import 'orientation.dart';
import 'parts.dart';

const _maxChunks = 10000;
const _firstChunk = 12;
const _animated = 0x02;
const _hasXmp = 0x04;
const _hasExif = 0x08;
const _hasAlpha = 0x10;
const _hasProfile = 0x20;
const _unknownFlags = 0xc1;

/// Returns what is hashed of a WebP.
List<Uint8List> webpParts(Uint8List data) {
  final chunks = _readChunks(data);
  need(chunks.isNotEmpty);
  final first = chunks[0];
  if (first.kind != 'VP8X') {
    need(chunks.length == 1);
    return [..._stillParts(chunks, null), Uint8List.fromList([orientation()])];
  }
  final flags = byteAt(first.body, 0);
  need(first.body.length == 10 && (flags & _unknownFlags) == 0 && isAt(first.body, '\x00\x00\x00', 1));
  final canvas = _Canvas((flags & _hasAlpha) != 0, cut(first.body, 4));
  final sorted = _Sorted(chunks, flags);
  final turned = Uint8List.fromList([orientation(sorted.exif(), sorted.xmp())]);
  if ((flags & _animated) == 0) return [..._stillParts(sorted.pictures, canvas), turned];
  return [..._animationParts(sorted.pictures, canvas, flags), turned];
}

class _Chunk {
  _Chunk(this.kind, this.body);

  final String kind;
  final Uint8List body;
}

/// Whether there is transparency, and the size: each side less one, in three bytes.
class _Canvas {
  _Canvas(this.hasAlpha, this.size);

  final bool hasAlpha;
  final Uint8List size;
}

/// Returns the chunks, which fill the length that the head tells. What is behind that is not of the picture.
List<_Chunk> _readChunks(Uint8List data) {
  final end = 8 + little32(data, 4);
  need(end <= data.length);
  final chunks = <_Chunk>[];
  var at = _firstChunk;
  while (at != end) {
    final length = little32(data, at + 4);
    final kind = textOf(cut(data, at, at + 4));
    final start = at + 8;
    at = start + length + length % 2;
    need(at <= end && chunks.length + 1 < _maxChunks);
    chunks.add(_Chunk(kind, cut(data, start, start + length)));
  }
  return chunks;
}

/// The chunks of an extended file: its metadata, and those of which the picture is made, in their order.
class _Sorted {
  _Sorted(List<_Chunk> chunks, int flags) {
    for (var place = 1; place < chunks.length; place++) {
      final chunk = chunks[place];
      final flag = _flagOf(chunk.kind);
      if (flag == 0) {
        pictures.add(chunk);
        continue;
      }
      need(!_kinds.contains(chunk.kind) && chunk.body.isNotEmpty && (flags & flag) != 0);
      need(chunks[place - 1].kind != 'ALPH');
      _kinds.add(chunk.kind);
      if (chunk.kind == 'EXIF') _exif = chunk.body;
      if (chunk.kind == 'XMP ') _xmp = chunk.body;
    }
  }

  final List<_Chunk> pictures = <_Chunk>[];
  final List<String> _kinds = <String>[];
  Uint8List? _exif;
  Uint8List? _xmp;

  Uint8List? xmp() => _xmp;

  /// Returns the Exif without the head that a JPEG puts before it.
  Uint8List? exif() {
    final exif = _exif;
    return exif != null && isAt(exif, 'Exif\x00\x00') ? cut(exif, 6) : exif;
  }
}

/// Returns the flag without which such metadata does not count; 0 for what is no metadata.
int _flagOf(String kind) {
  if (kind == 'EXIF') return _hasExif;
  if (kind == 'XMP ') return _hasXmp;
  return kind == 'ICCP' ? _hasProfile : 0;
}

List<Uint8List> _animationParts(List<_Chunk> pictures, _Canvas canvas, int flags) {
  need(pictures.length > 1 && pictures[0].kind == 'ANIM');
  final parts = <Uint8List>[bytesOf('animated'), Uint8List.fromList([flags & _hasAlpha]), canvas.size];
  for (var place = 0; place < pictures.length; place++) {
    need(place == 0 || pictures[place].kind == 'ANMF');
    parts.addAll(_chunkParts(pictures[place]));
  }
  return parts;
}

/// Returns what is hashed of one picture: its transparency and size, which must be those of the canvas, and itself.
List<Uint8List> _stillParts(List<_Chunk> chunks, _Canvas? canvas) {
  final hasChunkOfAlpha = chunks.isNotEmpty && chunks[0].kind == 'ALPH';
  need(chunks.length == (hasChunkOfAlpha ? 2 : 1));
  final picture = chunks[chunks.length - 1];
  final isLossless = picture.kind == 'VP8L';
  need(picture.kind == 'VP8 ' || (isLossless && !hasChunkOfAlpha));
  final own = isLossless ? _losslessCanvas(picture.body) : _lossyCanvas(picture.body, hasChunkOfAlpha);
  need(canvas == null ? !hasChunkOfAlpha : _isEqual(canvas, own));
  final parts = <Uint8List>[bytesOf('still'), Uint8List.fromList([own.hasAlpha ? 1 : 0]), own.size];
  for (final chunk in chunks) {
    parts.addAll(_chunkParts(chunk));
  }
  return parts;
}

bool _isEqual(_Canvas one, _Canvas other) => one.hasAlpha == other.hasAlpha && textOf(one.size) == textOf(other.size);

/// RFC 6386, section 9.1.
_Canvas _lossyCanvas(Uint8List body, bool hasAlpha) {
  need((byteAt(body, 0) & 1) == 0 && isAt(body, '\x9d\x01\x2a', 3));
  return _Canvas(hasAlpha, _sizeBytes(little16(body, 6) & 0x3fff, little16(body, 8) & 0x3fff));
}

/// RFC 9649, section 3.4.
_Canvas _losslessCanvas(Uint8List body) {
  need(byteAt(body, 0) == 0x2f);
  final bits = little32(body, 1);
  return _Canvas((bits & 0x10000000) != 0, _sizeBytes((bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1));
}

Uint8List _sizeBytes(int width, int height) {
  need(width > 0 && height > 0);
  final bytes = Uint8List(6);
  bytes[0] = (width - 1) & 255;
  bytes[1] = (width - 1) >> 8;
  bytes[3] = (height - 1) & 255;
  bytes[4] = (height - 1) >> 8;
  return bytes;
}

List<Uint8List> _chunkParts(_Chunk chunk) {
  return [bytesOf(chunk.kind), bigBytes(chunk.body.length, 4), chunk.body];
}
