// Reads of a JPEG what decodes: all segments but metadata, whole and in order, up to the first end of image, and what
// metadata says of colours and orientation.

import 'dart:typed_data';

import 'jpeg_metadata.dart';
import 'parts.dart';

const _maxSegments = 800;
const _startOfScan = 0xda;
const _endOfImage = 0xd9;
const _comment = 0xfe;
const _frames = [0xc0, 0xc1, 0xc2, 0xc9, 0xca];
const _tables = [0xc4, 0xcc, 0xdb, 0xdd];

/// Returns what is hashed of a JPEG.
List<Uint8List> jpegParts(Uint8List data) {
  final metadata = JpegMetadata();
  final parts = <Uint8List>[cut(data, 0, 2)];
  var frames = 0;
  var scans = 0;
  var at = 2;
  for (var segment = 0; segment < _maxSegments; segment++) {
    need(byteAt(data, at) == 0xff);
    // All but the last are filling.
    while (byteAt(data, at) == 0xff) {
      at++;
    }
    final marker = byteAt(data, at);
    need(marker != 0);
    final start = at + 1;
    if (marker == _endOfImage) {
      need(scans > 0);
      parts.add(cut(data, start - 2, start));
      parts.add(Uint8List.fromList([metadata.colours(), metadata.turned()]));
      return parts;
    }
    final length = big16(data, start);
    at = start + length;
    need(length >= 2 && at <= data.length);
    final body = cut(data, start + 2, at);
    if ((marker >= 0xe0 && marker <= 0xef) || marker == _comment) {
      need(scans == 0);
      metadata.read(marker, body);
      continue;
    }
    parts.add(cut(data, start - 2, at));
    if (_frames.contains(marker)) {
      frames++;
      need(frames == 1 && scans == 0);
      metadata.readFrame(body);
    } else if (marker == _startOfScan) {
      scans++;
      need(frames == 1);
      final end = _endOfScan(data, at);
      parts.add(cut(data, at, end));
      at = end;
    } else {
      need(_tables.contains(marker));
    }
  }
  throw const NoName();
}

/// Inside a scan FF is followed by 0 or by the number of a restart.
int _endOfScan(Uint8List data, int start) {
  var at = start;
  while (true) {
    at = data.indexOf(0xff, at);
    need(at >= 0);
    final next = byteAt(data, at + 1);
    if (next != 0 && (next < 0xd0 || next > 0xd7)) return at;
    at += 2;
  }
}
