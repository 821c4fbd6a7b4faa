import 'dart:io';

import 'package:photo_classifier/photo_classifier.dart';
import 'package:photo_classifier/src/again.dart';
import 'package:photo_classifier/src/tries.dart';
import 'package:test/test.dart';

const minute = Duration(minutes: 1);

void main() {
  test('pauses double up to eight seconds', () {
    final tries = Tries(minute, 8, chance: () => 1);

    final pauses = [for (var one = 0; one < 7; one++) tries.pauseAfter(ConnectionFailed('reset'))?.inMilliseconds];

    expect(pauses, [500, 1000, 2000, 4000, 8000, 8000, 8000]);
    expect(tries.pauseAfter(ConnectionFailed('reset')), isNull);
  });

  test('up to a half of a pause is left out, so that clients do not come together', () {
    expect(Tries(minute, 8, chance: () => 0).pauseAfter(TimedOut())?.inMilliseconds, 250);
  });

  test('another request has tries of its own, in the same time', () {
    final tries = Tries(minute, 2, chance: () => 1);
    expect(tries.pauseAfter(TimedOut()), isNotNull);
    expect(tries.pauseAfter(TimedOut()), isNull);

    tries.beginRequest();

    expect(tries.pauseAfter(TimedOut()), isNotNull);
  });

  test('what the page for apps says is tried again, and nothing else', () {
    final page = File('../../docs/apps.md').readAsStringSync();
    final table = page.substring(page.indexOf('<!-- codes -->'), page.indexOf('<!-- /codes -->'));
    final ofApps = table.replaceAll(RegExp(r'^.*for operators \|$', multiLine: true), '');
    final rows = RegExp(r'^\| `(\w+)` \| (\d+) \| (.*?) \|', multiLine: true).allMatches(ofApps).toList();
    expect(rows.length, greaterThan(25));

    for (final row in rows) {
      expect(mayPassLater(int.parse(row[2]!), row[1]!), row[3] == 'yes', reason: row[1]);
    }
  });

  test('a wrong certificate is not tried again', () {
    expect(Tries(minute, 8).pauseAfter(ConnectionFailed('the certificate', isFinal: true)), isNull);
  });
}
