import 'dart:convert';
import 'dart:io';
import 'dart:typed_data';

import 'package:photo_classifier/photo_classifier.dart';
import 'package:test/test.dart';

void main() {
  final file = File('../../tests/vectors/content_hash.json').readAsStringSync();
  final whole = jsonDecode(file) as Map<String, Object?>;
  final vectors = (whole['vectors']! as List<Object?>).cast<Map<String, Object?>>();

  test('there are all the vectors', () => expect(vectors.length, greaterThanOrEqualTo(142)));

  for (final vector in vectors) {
    test('the content hash is that of the service: ${vector['name']}', () {
      expect(contentHash(base64Decode(vector['file']! as String)), vector['hash']);
    });
  }

  test('a photo is named by its SHA-256, too', () async {
    final names = await namesOf(Uint8List.fromList(utf8.encode('abc')));

    expect(names.imageHash, 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
    expect(names.contentHash, isNull);
  });

  test('an empty file has no names', () {
    expect(namesOf(Uint8List(0)), throwsA(isA<PhotoUnreadable>()));
  });
}
