// Reads of a HEIC file all bytes but those of its Exif and XMP: in place, since Android blanks inside them where a
// photo was taken. No other item may share bytes with them.

import 'dart:typed_data';

import 'orientation.dart';
import 'parts.dart';

const _maxBoxes = 4096;
const _boxHead = 8;
const _topLevel = ['ftyp', 'meta', 'mdat', 'free', 'skip', 'uuid', 'mpvd'];

/// Larger numbers are taken for this one: no file is so long, and all numbers are exact up to here, in browsers too.
const _farAway = 0x10000000000000;

/// A part of the file; of a box: its body.
class _Piece {
  _Piece(this.start, this.end);

  final int start;
  final int end;
}

class _Box {
  _Box(this.kind, this.start, this.end);

  final String kind;
  final int start;
  final int end;
}

/// Returns what is hashed of a HEIC file.
List<Uint8List> heifParts(Uint8List data) {
  final top = _readBoxes(data, 0, data.length);
  need(top.every((box) => _topLevel.contains(box.kind)));
  final meta = _only(top, 'meta');
  final inner = _readBoxes(data, meta.start + 4, meta.end);
  final kinds = _readItems(data, _only(inner, 'iinf'));
  final places = _readPlaces(data, _only(inner, 'iloc'));
  _Piece? exif;
  _Piece? xmp;
  for (final item in kinds.entries) {
    if (item.value == 'Exif') {
      need(exif == null);
      exif = _onePiece(places, item.key);
    } else if (item.value == 'mime') {
      need(xmp == null);
      xmp = _onePiece(places, item.key);
    }
  }
  final cutOut = <_Piece>[];
  if (exif != null) cutOut.add(exif);
  if (xmp != null) cutOut.add(xmp);
  cutOut.sort((one, other) => one.start - other.start);
  _checkAlone(cutOut, places, top);
  final parts = <Uint8List>[Uint8List.fromList([cutOut.length])];
  for (final piece in cutOut) {
    parts.addAll([bigBytes(piece.start, 8), bigBytes(piece.end, 8)]);
  }
  var at = 0;
  for (final piece in cutOut) {
    parts.add(cut(data, at, piece.start));
    at = piece.end;
  }
  parts.addAll([cut(data, at), Uint8List.fromList([_turned(data, exif, xmp)])]);
  return parts;
}

/// Returns the boxes that fill this part of the file exactly.
List<_Box> _readBoxes(Uint8List data, int start, int end) {
  final boxes = <_Box>[];
  var at = start;
  while (at < end) {
    final size = big32(data, at);
    need(size >= _boxHead && at + size <= end && boxes.length < _maxBoxes);
    boxes.add(_Box(textOf(cut(data, at + 4, at + 8)), at + _boxHead, at + size));
    at += size;
  }
  return boxes;
}

_Box _only(List<_Box> boxes, String kind) {
  _Box? found;
  for (final box in boxes) {
    if (box.kind != kind) continue;
    need(found == null);
    found = box;
  }
  if (found == null) throw const NoName();
  return found;
}

/// Returns the type of each item by its number; `mime` for XMP alone.
Map<int, String> _readItems(Uint8List data, _Box box) {
  final version = byteAt(data, box.start);
  need(version <= 1);
  final countBytes = version == 1 ? 4 : 2;
  final count = _Numbers(data, box.start + 4, box.end).read(countBytes);
  final kinds = <int, String>{};
  for (final entry in _readBoxes(data, box.start + 4 + countBytes, box.end)) {
    final form = byteAt(data, entry.start);
    need(entry.kind == 'infe' && (form == 2 || form == 3));
    final at = entry.start + (form == 2 ? 6 : 8);
    final item = form == 2 ? big16(data, at - 2) : big32(data, at - 4);
    need(!kinds.containsKey(item) && big16(data, at) == 0);
    final kind = textOf(cut(data, at + 2, at + 6));
    final described = textOf(cut(data, at + 6, at + 6 < entry.end ? entry.end : at + 6));
    final isXmp = RegExp(r'^[^\x00]*\x00application/rdf\+xml\x00\x00?$').hasMatch(described);
    kinds.putIfAbsent(item, () => kind != 'mime' || isXmp ? kind : 'other');
  }
  need(kinds.length == count);
  return kinds;
}

/// Returns where in the file the bytes of each item are.
Map<int, List<_Piece>> _readPlaces(Uint8List data, _Box box) {
  final version = byteAt(data, box.start);
  final sizes = byteAt(data, box.start + 4);
  final baseAndIndex = byteAt(data, box.start + 5);
  need(version <= 2 && (baseAndIndex & 15) == 0);
  final numbers = _Numbers(data, box.start + 6, box.end);
  final numberBytes = version == 2 ? 4 : 2;
  final places = <int, List<_Piece>>{};
  var extents = 0;
  for (var left = numbers.read(numberBytes); left > 0; left--) {
    final item = numbers.read(numberBytes);
    final method = version > 0 ? numbers.read(2) : 0;
    need(numbers.read(2) == 0 && method <= 1 && !places.containsKey(item));
    final base = numbers.read(baseAndIndex >> 4);
    final pieces = <_Piece>[];
    for (var more = numbers.read(2); more > 0; more--) {
      final start = base + numbers.read(sizes >> 4);
      final length = numbers.read(sizes & 15);
      extents++;
      need(length > 0 && extents <= _maxBoxes);
      // Else inside the box of metadata, which is hashed.
      if (method == 0) pieces.add(_Piece(start, start + length));
    }
    places.putIfAbsent(item, () => pieces);
  }
  return places;
}

/// Reads numbers one after another, the high byte first.
class _Numbers {
  _Numbers(this._data, this._at, this._end);

  final Uint8List _data;
  int _at;
  final int _end;

  int read(int size) {
    need((size == 0 || size == 2 || size == 4 || size == 8) && _at + size <= _end);
    var value = 0;
    for (var left = size; left > 0; left--) {
      value = value * 256 + byteAt(_data, _at);
      if (value > _farAway) value = _farAway;
      _at++;
    }
    return value;
  }
}

_Piece _onePiece(Map<int, List<_Piece>> places, int item) {
  final pieces = places.putIfAbsent(item, () => <_Piece>[]);
  need(pieces.length == 1);
  return pieces[0];
}

/// Refuses metadata that is not inside the media data, or shares a byte with any other piece.
void _checkAlone(List<_Piece> metadata, Map<int, List<_Piece>> places, List<_Box> boxes) {
  for (final one in metadata) {
    var sharing = 0;
    for (final item in places.entries) {
      for (final piece in item.value) {
        if (piece.start < one.end && one.start < piece.end) sharing++;
      }
    }
    need(sharing == 1);
    need(boxes.any((box) => box.kind == 'mdat' && box.start <= one.start && one.end <= box.end));
  }
}

/// Returns the orientation that Exif tells. The decoder turns the picture by other boxes, and takes this one back.
int _turned(Uint8List data, _Piece? exifPiece, _Piece? xmpPiece) {
  if (xmpPiece != null) {
    final xmp = cut(data, xmpPiece.start, xmpPiece.end);
    need(xmp.length <= maxMetadataBytes && !textOf(xmp).contains('Orientation'));
  }
  if (exifPiece == null) return orientation();
  final exif = cut(data, exifPiece.start, exifPiece.end);
  need(exif.length <= maxMetadataBytes);
  if (isAt(exif, '\x00\x00\x00\x06Exif\x00\x00')) return orientation(cut(exif, 10));
  need(isAt(exif, '\x00\x00\x00\x00'));
  return orientation(cut(exif, 4));
}
