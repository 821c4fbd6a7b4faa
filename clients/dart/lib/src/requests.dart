// What goes to the service. Each try is built anew: a request can be sent once.

import 'dart:convert';
import 'dart:typed_data';

import 'package:http/http.dart' as http;

import 'hash/names.dart';
import 'options.dart';
import 'version.dart';

/// Makes a request that ends when [abort] does.
typedef Build = http.BaseRequest Function(Future<void> abort);

/// Asks for one photo by its hashes. [wait]: wait so long if it is being asked about right now.
Build checkRequest(Options options, Names names, {Duration wait = Duration.zero}) {
  final question = {..._hashes(names), if (wait > Duration.zero) 'wait_ms': wait.inMilliseconds};
  return _jsonRequest(options, '/classify/check-cache', question);
}

/// Asks for up to 200 photos by their hashes.
Build checkBatchRequest(Options options, List<Names> many) {
  final items = [for (final (index, names) in many.indexed) {'id': '$index', ..._hashes(names)}];
  return _jsonRequest(options, '/classify/check-cache/batch', {'items': items});
}

/// Uploads an image file. [imageHash] is its SHA-256, by which the service knows that it arrived whole.
///
/// The file's own name is not sent: it may tell more than the picture does.
Build uploadRequest(Options options, Uint8List file, String imageHash, Lane? lane) {
  final url = options.callAt('/classify', lane == null ? null : {'lane': lane.name});
  return (abort) => http.AbortableMultipartRequest('POST', url, abortTrigger: abort)
    ..followRedirects = false
    ..headers.addAll(_headers(options))
    ..fields['image_hash'] = imageHash
    ..files.add(http.MultipartFile.fromBytes('image', file, filename: 'photo'));
}

Build _jsonRequest(Options options, String path, Map<String, Object> value) {
  return (abort) => http.AbortableRequest('POST', options.callAt(path), abortTrigger: abort)
    ..followRedirects = false
    ..headers.addAll({..._headers(options), 'content-type': 'application/json'})
    ..bodyBytes = utf8.encode(jsonEncode(value));
}

Map<String, Object> _hashes(Names names) {
  final contentHash = names.contentHash;
  return {'image_hash': names.imageHash, if (contentHash != null) 'content_hash': contentHash};
}

Map<String, String> _headers(Options options) {
  final (apiKey, token, userId) = (options.apiKey, options.token, options.userId);
  return {
    'accept': 'application/json',
    'user-agent': 'photo-classifier-client/$version dart',
    if (apiKey != null) 'x-api-key': apiKey,
    if (token != null) 'authorization': 'Bearer ${token()}',
    if (userId != null) 'x-user-id': userId,
  };
}
