// Reads a zlib stream (RFC 1950, 1951) as zlib does: what zlib refuses is refused. Written out here since `dart:io` has
// no limit for what comes out, and is not there in browsers.

import 'dart:typed_data';

import 'parts.dart';

const _lengthBases = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258, //
];
const _lengthBits = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const _orderOfLengths = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
const _endOfBlock = 256;

/// Returns how many bytes a stream inflates to. Throws [NoName] if it is damaged, or if there are [limit] or more.
int inflatedLength(Uint8List stream, int limit) {
  final method = byteAt(stream, 0);
  final flags = byteAt(stream, 1);
  need((method & 15) == 8 && (method >> 4) <= 7 && (method * 256 + flags) % 31 == 0 && (flags & 32) == 0);
  final inflater = _Inflater(stream, limit);
  var isLast = false;
  while (!isLast) {
    isLast = inflater.readBlock();
  }
  need(big32(stream, inflater.end()) == inflater.adler32());
  return inflater.length();
}

/// Codes of one alphabet: how many there are of each length, and their symbols, ordered by code.
class _Codes {
  _Codes(this.counts, this.symbols);

  final Uint16List counts;
  final Uint16List symbols;
}

class _Inflater {
  _Inflater(this._input, this._limit);

  final Uint8List _input;
  final int _limit;
  Uint8List _output = Uint8List(4096);
  int _at = 2;
  int _length = 0;
  int _bits = 0;
  int _bitCount = 0;

  int length() => _length;

  /// Where the stream's checksum begins.
  int end() => _at - (_bitCount >> 3);

  /// Reads one block; returns whether it was the last.
  bool readBlock() {
    final isLast = _take(1) == 1;
    final kind = _take(2);
    need(kind < 3);
    if (kind == 0) {
      _copyStored();
    } else if (kind == 1) {
      _inflate(_fixedLiterals(), _fixedDistances());
    } else {
      _inflateWithOwnCodes();
    }
    return isLast;
  }

  int adler32() {
    var low = 1;
    var high = 0;
    for (var place = 0; place < _length; place++) {
      low = (low + _output[place]) % 65521;
      high = (high + low) % 65521;
    }
    return high * 65536 + low;
  }

  int _take(int count) {
    while (_bitCount < count) {
      _bits = _bits | (byteAt(_input, _at) << _bitCount);
      _at++;
      _bitCount += 8;
    }
    final value = _bits & ((1 << count) - 1);
    _bits = _bits >> count;
    _bitCount -= count;
    return value;
  }

  void _put(int byte) {
    need(_length + 1 < _limit);
    if (_length == _output.length) {
      final larger = Uint8List(_output.length * 4);
      larger.setAll(0, _output);
      _output = larger;
    }
    _output[_length] = byte;
    _length++;
  }

  void _copyStored() {
    _take(_bitCount % 8);
    final size = _take(16);
    need(_take(16) == (size ^ 0xffff));
    for (var place = 0; place < size; place++) {
      _put(_take(8));
    }
  }

  int _decode(_Codes codes) {
    var code = 0;
    var first = 0;
    var index = 0;
    for (var length = 1; length <= 15; length++) {
      code = code | _take(1);
      final count = codes.counts[length];
      if (code - count < first) return codes.symbols[index + code - first];
      index += count;
      first = (first + count) << 1;
      code = code << 1;
    }
    throw const NoName();
  }

  void _inflateWithOwnCodes() {
    final literals = _take(5) + 257;
    final distances = _take(5) + 1;
    final known = _take(4) + 4;
    need(literals <= 286 && distances <= 30);
    final lengthLengths = Uint8List(19);
    for (var place = 0; place < known; place++) {
      lengthLengths[_orderOfLengths[place]] = _take(3);
    }
    final lengths = _readLengths(_codesOf(lengthLengths, false), literals + distances);
    need(lengths[_endOfBlock] != 0);
    _inflate(_codesOf(cut(lengths, 0, literals), true), _codesOf(cut(lengths, literals), true));
  }

  Uint8List _readLengths(_Codes codes, int count) {
    final lengths = Uint8List(count);
    var at = 0;
    while (at < count) {
      final symbol = _decode(codes);
      if (symbol < 16) {
        lengths[at] = symbol;
        at++;
        continue;
      }
      need(symbol > 16 || at > 0);
      final value = symbol == 16 ? lengths[at - 1] : 0;
      final times = symbol == 16 ? 3 + _take(2) : (symbol == 17 ? 3 + _take(3) : 11 + _take(7));
      need(at + times <= count);
      lengths.fillRange(at, at + times, value);
      at += times;
    }
    return lengths;
  }

  void _inflate(_Codes literals, _Codes distances) {
    while (true) {
      final symbol = _decode(literals);
      if (symbol == _endOfBlock) return;
      if (symbol < _endOfBlock) {
        _put(symbol);
        continue;
      }
      need(symbol <= 285);
      final size = _lengthBases[symbol - 257] + _take(_lengthBits[symbol - 257]);
      final code = _decode(distances);
      need(code < 30);
      final extra = code < 4 ? 0 : (code >> 1) - 1;
      final distance = code < 4 ? code + 1 : ((2 + (code & 1)) << extra) + 1 + _take(extra);
      need(distance <= _length);
      for (var place = 0; place < size; place++) {
        _put(_output[_length - distance]);
      }
    }
  }
}

/// Orders the symbols by their code. Too many codes are refused; too few, unless there is one of one bit, or none.
_Codes _codesOf(Uint8List lengths, bool mayBeIncomplete) {
  final counts = Uint16List(16);
  for (final length in lengths) {
    counts[length] = counts[length] + 1;
  }
  final used = lengths.length - counts[0];
  counts[0] = 0;
  var left = 1;
  for (var length = 1; length <= 15; length++) {
    left = left * 2 - counts[length];
    need(left >= 0);
  }
  need(left == 0 || (mayBeIncomplete && used == counts[1]));
  final places = Uint16List(16);
  for (var length = 1; length < 15; length++) {
    places[length + 1] = places[length] + counts[length];
  }
  final symbols = Uint16List(used);
  for (var symbol = 0; symbol < lengths.length; symbol++) {
    final length = lengths[symbol];
    if (length == 0) continue;
    symbols[places[length]] = symbol;
    places[length] = places[length] + 1;
  }
  return _Codes(counts, symbols);
}

_Codes _fixedLiterals() {
  final lengths = Uint8List(288);
  lengths.fillRange(0, 144, 8);
  lengths.fillRange(144, 256, 9);
  lengths.fillRange(256, 280, 7);
  lengths.fillRange(280, 288, 8);
  return _codesOf(lengths, false);
}

_Codes _fixedDistances() {
  final lengths = Uint8List(32);
  lengths.fillRange(0, 32, 5);
  return _codesOf(lengths, false);
}
