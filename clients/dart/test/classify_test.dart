import 'dart:async';
import 'dart:convert';
import 'dart:typed_data';

import 'package:http/http.dart' as http;
import 'package:photo_classifier/photo_classifier.dart';
import 'package:test/test.dart';

import 'scripted.dart';

final photo = Uint8List.fromList(utf8.encode('a photo, or what passes for one'));

void main() {
  test('a known photo is answered without an upload', () async {
    final service = Scripted([hit]);

    final answer = await service.classifier().classify(photo);

    expect(answer.category, 'pets');
    expect(answer.fromCache, isTrue);
    expect(answer.uploadedBytes, 0);
    expect(service.calls, ['check-cache']);
  });

  test('an unknown photo is uploaded, with its hash and without its name', () async {
    final service = Scripted([miss, classified]);

    final answer = await service.classifier().classify(photo);

    expect(answer.modelUsed, 'a-model');
    expect(answer.uploadedBytes, photo.length);
    expect(service.calls, ['check-cache', 'classify']);
    final upload = service.received.last;
    expect(upload.headers['content-type'], startsWith('multipart/form-data; boundary='));
    expect(upload.body, contains((await namesOf(photo)).imageHash));
    expect(upload.body, contains('filename="photo"'));
  });

  test('every request says who asks', () async {
    final service = Scripted([miss, classified]);

    await service.classifier().classify(photo);

    for (final request in service.received) {
      expect(request.headers['x-api-key'], 'a key of twenty letters');
      expect(request.headers['x-user-id'], 'device-42');
      expect(request.followRedirects, isFalse);
    }
  });

  test('every request shows the token of its user as it is then', () async {
    final service = Scripted([miss, classified]);
    var number = 0;
    final options = Options(Uri.parse('https://photos.example'), token: () => 'token-${number += 1}');

    await Classifier(options, client: service.client).classify(photo);

    expect(service.received.map((request) => request.headers['authorization']), ['Bearer token-1', 'Bearer token-2']);
  });

  test('the deferred lane is asked for in the address', () async {
    final service = Scripted([miss, classified]);

    await service.classifier().classify(photo, lane: Lane.deferred);

    expect(service.received.last.url.query, 'lane=deferred');
  });

  test('a smaller copy is uploaded under its own hash, and the original is asked for', () async {
    final service = Scripted([miss, miss, classified]);
    final copy = Uint8List.fromList([1, 2, 3]);

    final answer = await service.classifier(shrink: (_) async => copy).classify(photo);

    expect(answer.uploadedBytes, 3);
    expect(service.received.first.body, contains((await namesOf(photo)).imageHash));
    expect(service.received.last.body, contains((await namesOf(copy)).imageHash));
  });

  test('a photo that was sent as a smaller copy before is known by the copy', () async {
    final service = Scripted([miss, hit]);

    final answer = await service.classifier(shrink: (_) async => Uint8List.fromList([1, 2, 3])).classify(photo);

    expect(answer.uploadedBytes, 0);
    expect(service.calls, ['check-cache', 'check-cache']);
  });

  test('the original is sent where a smaller copy cannot be made', () async {
    final service = Scripted([miss, classified]);

    final answer = await service.classifier(shrink: (_) => throw Exception('no memory')).classify(photo);

    expect(answer.uploadedBytes, photo.length);
  });

  test('a lost upload is not sent again before the service says that it does not know it', () async {
    final away = refusal(503, 'database_unavailable', {'retry-after': '0'});
    final service = Scripted([miss, lost, away, away, hit]);

    await service.classifier().classify(photo);

    expect(service.calls, ['check-cache', 'classify', 'check-cache', 'check-cache', 'check-cache']);
  });

  test('after a lost connection the answer is asked for before the photo is sent again', () async {
    final service = Scripted([miss, lost, hit]);

    final answer = await service.classifier().classify(photo);

    expect(answer.fromCache, isTrue);
    expect(service.calls, ['check-cache', 'classify', 'check-cache']);
    expect(jsonDecode(service.received.last.body), containsPair('wait_ms', 5000));
  });

  test('Retry-After is obeyed, and each try is a request of its own', () async {
    final service = Scripted([
      miss,
      refusal(503, 'overloaded', {'retry-after': '1'}),
      classified,
    ]);
    final clock = Stopwatch()..start();

    await service.classifier().classify(photo);

    expect(clock.elapsed, greaterThanOrEqualTo(const Duration(seconds: 1)));
    expect(service.calls, ['check-cache', 'classify', 'classify']);
    expect(service.received[1], isNot(same(service.received[2])));
  });

  test('a wait that is longer than the time left is not begun', () async {
    final service = Scripted([
      miss,
      refusal(503, 'budget_exhausted', {'retry-after': '86400'}),
    ]);

    await expectLater(
      service.classifier().classify(photo),
      throwsA(
        isA<BudgetExhausted>()
            .having((error) => error.retryAfter, 'retryAfter', const Duration(days: 1))
            .having((error) => error.requestId, 'requestId', 'req_1'),
      ),
    );
    expect(service.calls, ['check-cache', 'classify']);
  });

  final refusals = <(int, String, Matcher)>[
    (400, 'invalid_image', isA<InvalidPhoto>()),
    (400, 'hash_mismatch', isA<HashMismatch>()),
    (401, 'unauthorized', isA<KeyRefused>()),
    (413, 'image_too_large', isA<PhotoTooLarge>()),
    (422, 'model_refused', isA<ModelRefused>()),
    (502, 'model_bad_answer', isA<ModelFailed>()),
    (418, 'of_a_later_version', isA<ServiceFailed>()),
  ];
  for (final (status, code, kind) in refusals) {
    test('$status $code is not tried again', () async {
      final service = Scripted([miss, refusal(status, code)]);

      await expectLater(service.classifier().classify(photo), throwsA(kind));
      expect(service.calls, ['check-cache', 'classify']);
    });
  }

  test('the page of another server is no answer', () async {
    final service = Scripted([(_) async => http.Response('<html>Log in</html>', 200)]);

    await expectLater(service.classifier().classify(photo), throwsA(isA<UnexpectedAnswer>()));
  });

  test('all tries together end with the time of a photo', () async {
    final service = Scripted([(_) => Completer<http.Response>().future]);
    const limits = Limits(total: Duration(milliseconds: 300));

    await expectLater(service.classifier(limits: limits).classify(photo), throwsA(isA<TimedOut>()));
  });

  test('a try of a large upload has the time that its bytes take on a slow line', () async {
    Future<http.Response> slowly(http.Request request) {
      return Future.delayed(const Duration(milliseconds: 400), () => classified(request));
    }

    final service = Scripted([miss, slowly]);
    const limits = Limits(answer: Duration(milliseconds: 50));

    final answer = await service.classifier(limits: limits).classify(Uint8List(200000));

    expect(answer.uploadedBytes, 200000);
    expect(service.calls, ['check-cache', 'classify']);
  });

  test('a client that is closed ends what it is waiting for', () async {
    final asked = Completer<void>();
    final service = Scripted([
      (_) {
        asked.complete();
        return Completer<http.Response>().future;
      },
    ]);
    final classifier = service.classifier();
    final ended = expectLater(classifier.classify(photo), throwsA(isA<ClientClosed>()));
    await asked.future;

    classifier.close();

    await ended;
  });
}
