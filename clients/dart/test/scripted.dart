// A service that answers as told: one answer for each request, the last one for all others.

import 'dart:convert';
import 'dart:typed_data';

import 'package:http/http.dart' as http;
import 'package:http/testing.dart';
import 'package:photo_classifier/photo_classifier.dart';

typedef Answering = Future<http.Response> Function(http.Request request);

/// What was asked, in order.
class Scripted {
  Scripted(this._script);

  final List<Answering> _script;
  final List<http.Request> received = [];

  List<String> get calls => [for (final request in received) request.url.pathSegments.last];

  http.Client get client => MockClient((request) {
    received.add(request);
    return _script[received.length < _script.length ? received.length - 1 : _script.length - 1](request);
  });

  Classifier classifier({Limits limits = const Limits(), Future<Uint8List?> Function(Uint8List photo)? shrink}) {
    final options = Options(
      Uri.parse('http://photos.example'),
      apiKey: 'a key of twenty letters',
      userId: 'device-42',
      limits: limits,
      shrink: shrink,
      shrinkAboveBytes: 10,
    );
    return Classifier(options, client: client);
  }
}

Answering json(int status, Object body, [Map<String, String> headers = const {}]) {
  return (_) async => http.Response.bytes(utf8.encode(jsonEncode(body)), status, headers: headers);
}

Answering refusal(int status, String code, [Map<String, String> headers = const {}]) {
  return json(status, {
    'success': false,
    'error': {'code': code, 'message': 'because'},
    'request_id': 'req_1',
  }, {'x-request-id': 'req_1', ...headers});
}

Future<http.Response> lost(http.Request request) async => throw http.ClientException('Connection reset by peer');

final miss = json(200, {'success': true, 'cached': false});
final hit = json(200, {...answer, 'cached': true, 'from_cache': true, 'matched_by': 'bytes'});
final classified = json(200, {...answer, 'from_cache': false, 'matched_by': null, 'model_used': 'a-model'});

const Map<String, Object?> answer = {
  'success': true,
  'data': {'category': 'pets', 'confidence': 0.9, 'description': '一只猫'},
  'request_id': 'req_1',
};
