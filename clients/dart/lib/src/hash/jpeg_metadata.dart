// Reads of a JPEG's metadata what changes the picture: its colours and its orientation.

import 'dart:typed_data';

import 'orientation.dart';
import 'parts.dart';

const _exifHead = 'Exif\x00\x00';
const _xmpHead = 'http://ns.adobe.com/xap/1.0/\x00';
const _photoshopHead = 'Photoshop 3.0\x00';
const _maxResources = 2000;

/// What the segments so far tell.
class JpegMetadata {
  List<int> _components = <int>[];
  bool _hasJfif = false;
  int? _transform;
  Uint8List? _exif;
  Uint8List? _xmp;
  int _resources = 0;

  /// Takes the components' numbers from the frame's head.
  void readFrame(Uint8List frame) {
    need(frame.length == 6 + 3 * byteAt(frame, 5));
    final components = <int>[];
    for (var at = 6; at < frame.length; at += 3) {
      components.add(frame[at]);
    }
    _components = components;
  }

  /// Looks into a segment of metadata. [body] is what follows its length.
  void read(int marker, Uint8List body) {
    if (marker == 0xe0 && isAt(body, 'JFIF')) {
      need(isAt(body, 'JFIF\x00') && body.length >= 14);
      _hasJfif = true;
    } else if (marker == 0xee && isAt(body, 'Adobe')) {
      need(_transform == null && body.length >= 12);
      _transform = byteAt(body, 11);
    } else if (marker == 0xe1 && isAt(body, _exifHead)) {
      need(_exif == null);
      _exif = cut(body, _exifHead.length);
    } else if (marker == 0xe1 && isAt(body, _xmpHead)) {
      need(_xmp == null);
      _xmp = cut(body, _xmpHead.length);
    } else if (marker == 0xe2 && isAt(body, 'ICC_PROFILE\x00')) {
      need(body.length >= 14);
    } else if (marker == 0xed && isAt(body, _photoshopHead)) {
      _checkResources(body);
    }
  }

  /// Returns 1 to 8.
  int turned() => orientation(_exif, _xmp);

  /// Returns the letter of what the components mean, as libjpeg decides it.
  int colours() {
    final letter = _letter();
    need(letter.length == 1);
    return letter.codeUnitAt(0);
  }

  /// Returns G, Y, R, C or K: grey, YCbCr, RGB, CMYK, YCCK; nothing where decoders differ.
  String _letter() {
    final count = _components.length;
    if (count == 1) return 'G';
    if (count == 4 && (_transform == null || _transform == 0)) return 'C';
    if (count == 4 && _transform == 2) return 'K';
    if (count != 3) return '';
    if (_transform == 1 || (_hasJfif && _transform == null)) return 'Y';
    if (_hasJfif) return '';
    if (_transform == 0) return 'R';
    if (_transform != null) return '';
    final numbers = _components.join(',');
    if (numbers == '1,2,3' || numbers == '0,1,2') return 'Y';
    return numbers == '82,71,66' ? 'R' : '';
  }

  /// Refuses a segment in which the head of a resource is cut off.
  void _checkResources(Uint8List body) {
    var at = _photoshopHead.length;
    while (isAt(body, '8BIM', at)) {
      _resources++;
      need(_resources <= _maxResources);
      var nameEnd = at + 7 + byteAt(body, at + 6);
      nameEnd += nameEnd % 2;
      at = nameEnd + 4 + big32(body, nameEnd);
      at += at % 2;
    }
  }
}
