// Finds out how a photo is turned upright, from its Exif and XMP. Only what is well formed has a meaning; all else
// leaves the file without a name.

import 'dart:typed_data';

import 'parts.dart';

const _maxTags = 512;
const _orientation = 0x0112;
const _xResolution = 0x011a;
const _resolutionUnit = 0x0128;
const _short = 3;
const _rational = 5;

/// Bytes of one value, by the number of its type.
const _typeBytes = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4];

/// Returns 1 to 8. [exif] begins with the TIFF header, [xmp] is the text of the packet.
int orientation([Uint8List? exif, Uint8List? xmp]) {
  int? found;
  if (exif != null) found = _fromExif(exif);
  if (found == null && xmp != null) found = _fromXmp(xmp);
  return found != null && found >= 1 && found <= 8 ? found : 1;
}

int? _fromExif(Uint8List exif) {
  final isLittle = isAt(exif, 'II*\x00');
  need(isLittle || isAt(exif, 'MM\x00*'));
  final directory = _u32(exif, 4, isLittle);
  final tags = _u16(exif, directory, isLittle);
  need(directory >= 8 && tags <= _maxTags);
  int? found;
  var outside = 0;
  for (var index = 0; index < tags; index++) {
    final at = directory + 2 + 12 * index;
    final tag = _u16(exif, at, isLittle);
    final type = _u16(exif, at + 2, isLittle);
    final count = _u32(exif, at + 4, isLittle);
    final offset = _u32(exif, at + 8, isLittle);
    need(type < _typeBytes.length && _hasRequiredShape(tag, type, count));
    final size = _typeBytes[type] * count;
    if (size > 4) {
      need(offset + size <= exif.length);
      outside += size;
    }
    if (tag == _orientation) {
      need(found == null);
      found = _u16(exif, at + 8, isLittle);
    }
  }
  need(outside <= exif.length);
  return found;
}

/// Pillow looks into these tags when it opens a file; others make it refuse some.
bool _hasRequiredShape(int tag, int type, int count) {
  if (tag == _orientation || tag == _resolutionUnit) return type == _short && count == 1;
  if (tag == _xResolution) return type == _rational && count == 1;
  return true;
}

int? _fromXmp(Uint8List xmp) {
  need(xmp.length <= maxMetadataBytes);
  final match = RegExp(r'tiff:Orientation(?:="|>)([0-9])').firstMatch(textOf(xmp));
  return match == null ? null : int.parse(match[1]!);
}

int _u16(Uint8List data, int at, bool isLittle) => isLittle ? little16(data, at) : big16(data, at);

int _u32(Uint8List data, int at, bool isLittle) => isLittle ? little32(data, at) : big32(data, at);
