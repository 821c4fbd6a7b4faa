// A photo and its names, made off the thread that draws.

import 'dart:typed_data';

import 'errors.dart';
import 'hash/names.dart';
import 'platform/in_browsers.dart' if (dart.library.io) 'platform/with_isolates.dart';

/// The largest file that is hashed. What the service takes is its `MAX_IMAGE_SIZE_MB`; a larger photo may be shrunk.
const maxPhotoBytes = 100 * 1024 * 1024;

/// Returns the names of a photo. Throws [PhotoUnreadable] where it is empty or too large.
Future<Names> namesOf(Uint8List photo) async {
  if (photo.isEmpty) throw PhotoUnreadable('The file is empty.');
  if (photo.length > maxPhotoBytes) throw PhotoUnreadable('The file is larger than $maxPhotoBytes bytes.');
  return elsewhere(() => Names.of(photo));
}
