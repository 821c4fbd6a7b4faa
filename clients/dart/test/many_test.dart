import 'dart:convert';
import 'dart:typed_data';

import 'package:photo_classifier/photo_classifier.dart';
import 'package:test/test.dart';

import 'scripted.dart';

Answering results(List<Map<String, Object?>> results) => json(200, {'success': true, 'results': results});

void main() {
  test('each of many photos has an answer or an error, in their order', () async {
    final service = Scripted([hit]);
    final told = <int>[];

    final outcomes = await service.classifier().classifyMany(
      ['a', '', 'c'],
      (name) async => Uint8List.fromList(utf8.encode(name)),
      concurrency: 2,
      onDone: (_, done) => told.add(done),
    );

    expect([for (final outcome in outcomes) outcome.photo], ['a', '', 'c']);
    expect([for (final outcome in outcomes) outcome.answer?.category], ['pets', null, 'pets']);
    expect(outcomes[1].error, isA<PhotoUnreadable>());
    expect(told, [1, 2, 3]);
  });

  test('many photos are asked for in one call', () async {
    final service = Scripted([
      results([
        {'success': true, 'cached': false},
        {...answer, 'cached': true, 'from_cache': true},
        {
          'success': false,
          'error': {'code': 'invalid_image_hash', 'message': 'because'},
        },
      ]),
    ]);

    final found = await service.classifier().checkMany([const Names('a'), const Names('b'), const Names('c')]);

    expect(service.calls, ['batch']);
    expect(found[0].isUnknown, isTrue);
    expect(found[1].answer?.category, 'pets');
    expect(found[2].error?.code, 'invalid_image_hash');
  });

  test('more than 200 are asked for in several calls', () async {
    final service = Scripted([
      results(List.filled(200, {'success': true, 'cached': false})),
      results(List.filled(50, {'success': true, 'cached': false})),
    ]);

    expect(await service.classifier().checkMany(List.filled(250, const Names('a'))), hasLength(250));
    expect(service.calls, ['batch', 'batch']);
  });

  test('a service without that call is asked one by one', () async {
    final service = Scripted([refusal(404, 'not_found'), hit]);

    final found = await service.classifier().checkMany([const Names('a'), const Names('b')]);

    expect([for (final one in found) one.answer?.category], ['pets', 'pets']);
    expect(service.calls, ['batch', 'check-cache', 'check-cache']);
  });
}
