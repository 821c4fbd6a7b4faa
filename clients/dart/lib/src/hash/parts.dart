// What the readers of all formats share: the exception for a file without a name, and numbers read within bounds.

import 'dart:typed_data';

/// Most bytes of one piece of metadata that is searched or inflated.
const maxMetadataBytes = 1024 * 1024;

/// The file is damaged, cut off, or built in a way for which equal pixels cannot be promised.
class NoName implements Exception {
  const NoName();
}

/// Throws [NoName] unless a rule of the format is kept.
void need(bool fulfilled) {
  if (!fulfilled) throw const NoName();
}

int byteAt(Uint8List data, int at) {
  need(at >= 0 && at < data.length);
  return data[at];
}

int big16(Uint8List data, int at) => byteAt(data, at) * 0x100 + byteAt(data, at + 1);

int big32(Uint8List data, int at) => big16(data, at) * 0x10000 + big16(data, at + 2);

int little16(Uint8List data, int at) => byteAt(data, at) + byteAt(data, at + 1) * 0x100;

int little32(Uint8List data, int at) => little16(data, at) + little16(data, at + 2) * 0x10000;

/// Returns the bytes from [start] to [end], or to the end of the data, without copying them.
Uint8List cut(Uint8List data, int start, [int? end]) {
  final last = end ?? data.length;
  need(start >= 0 && start <= last && last <= data.length);
  return Uint8List.sublistView(data, start, last);
}

/// Returns a number as so many bytes, the high byte first.
Uint8List bigBytes(int value, int size) {
  final bytes = Uint8List(size);
  var left = value;
  for (var place = size - 1; place >= 0; place--) {
    bytes[place] = left % 256;
    left = left ~/ 256;
  }
  return bytes;
}

/// Returns the bytes of a text of characters up to 255.
Uint8List bytesOf(String text) => Uint8List.fromList(text.codeUnits);

/// Returns a character for each byte, so that patterns can be searched.
String textOf(Uint8List data) => String.fromCharCodes(data);

/// Whether these characters stand at this place.
bool isAt(Uint8List data, String text, [int at = 0]) {
  if (at + text.length > data.length) return false;
  for (var place = 0; place < text.length; place++) {
    if (data[at + place] != text.codeUnitAt(place)) return false;
  }
  return true;
}
