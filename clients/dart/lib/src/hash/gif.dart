// Reads of a GIF what decodes: screen, palettes, the control of the first picture, and from that picture on all bytes
// to the end of the file.

import 'dart:typed_data';

import 'parts.dart';

const _maxBlocks = 65536;
const _maxBlocksBeforePicture = 10000;
const _extension = 0x21;
const _picture = 0x2c;
const _trailer = 0x3b;
const _graphicControl = 0xf9;
const _comment = 0xfe;
const _application = 0xff;

/// Returns what is hashed of a GIF.
List<Uint8List> gifParts(Uint8List data) {
  var at = 13 + _paletteBytes(byteAt(data, 10));
  final parts = <Uint8List>[cut(data, 0, at)];
  var controls = 0;
  var budget = _maxBlocksBeforePicture;
  while (byteAt(data, at) == _extension) {
    budget--;
    need(budget > 0);
    final start = at + 2;
    final label = byteAt(data, at + 1);
    final blocks = _skipBlocks(data, start, budget);
    budget -= blocks.count;
    if (label == _graphicControl) {
      controls++;
      need(controls == 1 && data[start] == 4 && blocks.count == 1);
      parts.add(cut(data, at, blocks.end));
    } else if (label != _comment) {
      // Pillow takes the end of an empty extension for a block, and goes on reading behind it.
      need(blocks.count > 0);
      need(label != _application || blocks.count > 1 || !isAt(data, 'NETSCAPE2.0', start + 1));
    }
    at = blocks.end;
  }
  need(data[at] == _picture);
  _checkToTheTrailer(data, at);
  parts.add(cut(data, at));
  return parts;
}

/// Refuses a file that is cut off before its end, or has other things than pictures and extensions.
void _checkToTheTrailer(Uint8List data, int start) {
  var at = start;
  var budget = _maxBlocks;
  while (byteAt(data, at) != _trailer) {
    final isPicture = data[at] == _picture;
    need(isPicture || data[at] == _extension);
    final first = isPicture ? at + 10 + _paletteBytes(byteAt(data, at + 9)) + 1 : at + 2;
    final blocks = _skipBlocks(data, first, budget);
    budget -= blocks.count + 1;
    at = blocks.end;
  }
}

/// Blocks of data, without the empty one that ends them, and where that ends.
class _Blocks {
  _Blocks(this.end, this.count);

  final int end;
  final int count;
}

_Blocks _skipBlocks(Uint8List data, int start, int most) {
  var at = start;
  for (var count = 0; count < most; count++) {
    final length = byteAt(data, at);
    at += 1 + length;
    if (length == 0) return _Blocks(at, count);
  }
  throw const NoName();
}

int _paletteBytes(int flags) => (flags & 0x80) != 0 ? 3 << ((flags & 7) + 1) : 0;
