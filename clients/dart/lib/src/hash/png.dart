// Reads of a PNG what decodes: header, palette, transparency, and the compressed pixels however they are cut into
// chunks. All checksums must be right, and the chunks in the order that the standard wants.

import 'dart:typed_data';

import 'parts.dart';
import 'png_metadata.dart';

const _maxChunks = 10000;
const _signatureBytes = 8;

/// Returns what is hashed of a PNG.
List<Uint8List> pngParts(Uint8List data) {
  final checksums = _checksumTable();
  final metadata = PngMetadata();
  final parts = <Uint8List>[];
  final seen = <String>[];
  var before = '';
  var pixelBytes = 0;
  var at = _signatureBytes;
  for (var chunk = 0; chunk < _maxChunks; chunk++) {
    final start = at + 8;
    final end = start + big32(data, at);
    need(big32(data, end) == _crc32(cut(data, at + 4, end), checksums));
    final kind = textOf(cut(data, at + 4, start));
    final body = cut(data, start, end);
    at = end + 4;
    need(RegExp(r'^[A-Za-z]{4}$').hasMatch(kind));
    need((kind == 'IHDR') == (before == ''));
    if (kind == 'IHDR') {
      need(body.length == 13);
      parts.add(body);
    } else if (kind == 'PLTE' || kind == 'tRNS') {
      need(!seen.contains(kind) && !seen.contains('IDAT'));
      parts.addAll([bytesOf(kind), bigBytes(body.length, 4), body]);
    } else if (kind == 'IDAT') {
      if (before != 'IDAT') {
        need(!seen.contains(kind));
        parts.add(bytesOf(kind));
      }
      pixelBytes += body.length;
      parts.add(body);
    } else if (kind == 'IEND') {
      need(seen.contains('IDAT') && body.isEmpty);
      parts.addAll([bigBytes(pixelBytes, 8), Uint8List.fromList([metadata.turned()])]);
      return parts;
    } else {
      metadata.read(kind, body);
    }
    if (!seen.contains(kind)) seen.add(kind);
    before = kind;
  }
  throw const NoName();
}

Uint32List _checksumTable() {
  final table = Uint32List(256);
  for (var byte = 0; byte < 256; byte++) {
    var value = byte;
    for (var bit = 0; bit < 8; bit++) {
      value = (value & 1) == 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
    }
    table[byte] = value;
  }
  return table;
}

int _crc32(Uint8List data, Uint32List table) {
  var crc = 0xffffffff;
  for (final byte in data) {
    crc = (crc >>> 8) ^ table[(crc ^ byte) & 0xff];
  }
  return (crc ^ 0xffffffff) >>> 0;
}
