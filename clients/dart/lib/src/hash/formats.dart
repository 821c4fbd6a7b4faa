// What is hashed of an image file, whatever its format. The rules, byte by byte, are the service's page
// docs/content-hash.md; a file that is odd in any way has no name, which is always a right answer.

import 'dart:typed_data';

import 'gif.dart';
import 'heif.dart';
import 'jpeg.dart';
import 'parts.dart';
import 'png.dart';
import 'webp.dart';

/// Returns what is hashed, part by part. Throws [NoName].
List<Uint8List> namedParts(Uint8List data) {
  if (isAt(data, '\xff\xd8\xff')) return [bytesOf('c1\x00jpeg\x00'), ...jpegParts(data)];
  if (isAt(data, '\x89PNG\r\n\x1a\n')) return [bytesOf('c1\x00png\x00'), ...pngParts(data)];
  if (isAt(data, 'GIF87a') || isAt(data, 'GIF89a')) return [bytesOf('c1\x00gif\x00'), ...gifParts(data)];
  if (isAt(data, 'RIFF') && isAt(data, 'WEBP', 8)) return [bytesOf('c1\x00webp\x00'), ...webpParts(data)];
  if (isAt(data, 'ftypheic', 4) || isAt(data, 'ftypheix', 4)) return [bytesOf('c1\x00heic\x00'), ...heifParts(data)];
  throw const NoName();
}
