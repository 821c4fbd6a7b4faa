// Reads the service's answers: a value where it knows, an exception of ours where it does not.

import 'dart:convert';
import 'dart:typed_data';

import 'package:http_parser/http_parser.dart';

import 'answer.dart';
import 'errors.dart';
import 'outcome.dart';

/// What came back. Names of headers are in lower case.
class Reply {
  const Reply(this.status, this.headers, this.body);

  final int status;
  final Map<String, String> headers;
  final Uint8List body;

  String? get requestId => headers['x-request-id'];
}

/// Returns the known answer, or null where the photo has to be uploaded. Throws [ClassifierException].
Answer? readCheck(Reply reply) => _answerOrMiss(_bodyOf(reply), reply.requestId);

/// Returns the answer to an upload. Throws [ClassifierException].
Answer readUpload(Reply reply, int uploadedBytes) => _read(_bodyOf(reply), reply.requestId, uploadedBytes);

/// Returns what is known of each photo, in order. Throws [ClassifierException] where all have failed together.
List<Checked> readBatch(Reply reply, int count) {
  final results = _bodyOf(reply)['results'];
  if (results is! List<Object?> || results.length != count) {
    throw UnexpectedAnswer('The answer has not one result for each photo.', requestId: reply.requestId);
  }
  return [for (final result in results) _checked(result, reply.requestId)];
}

Checked _checked(Object? result, String? requestId) {
  if (result is! Map<String, Object?>) {
    return Checked.failed(UnexpectedAnswer('A result is not a JSON object.', requestId: requestId));
  }
  if (result['success'] == false) {
    final (code, message) = _errorOf(result);
    return Checked.failed(serviceException(200, code, message, requestId, null));
  }
  try {
    final answer = _answerOrMiss(result, requestId);
    return answer == null ? const Checked.unknown() : Checked.known(answer);
  } on UnexpectedAnswer catch (error) {
    return Checked.failed(error);
  }
}

Answer? _answerOrMiss(Map<String, Object?> body, String? requestId) {
  return body['cached'] == false ? null : _read(body, requestId, 0);
}

Answer _read(Map<String, Object?> body, String? requestId, int uploadedBytes) {
  try {
    return Answer.fromJson(body, uploadedBytes: uploadedBytes);
  } on FormatException catch (error) {
    throw UnexpectedAnswer(error.message, requestId: requestId);
  }
}

Map<String, Object?> _bodyOf(Reply reply) {
  if (reply.status != 200) throw _failure(reply);
  return _jsonOf(reply);
}

Map<String, Object?> _jsonOf(Reply reply) {
  Object? value;
  try {
    value = jsonDecode(utf8.decode(reply.body));
  } on FormatException {
    throw UnexpectedAnswer('The answer is not JSON.', requestId: reply.requestId);
  }
  if (value is Map<String, Object?>) return value;
  throw UnexpectedAnswer('The answer is not a JSON object.', requestId: reply.requestId);
}

/// Returns the exception of a reply; a proxy's page in place of the service's JSON is one too.
ClassifierException _failure(Reply reply) {
  if (reply.status >= 300 && reply.status < 400) {
    // Not followed, so that no photo goes to another host.
    final where = reply.headers['location'] ?? 'elsewhere';
    return UnexpectedAnswer('The server redirects to $where: is the address right?');
  }
  String? code;
  var message = 'The server answered ${reply.status}.';
  try {
    (code, message) = _errorOf(_jsonOf(reply));
  } on UnexpectedAnswer {
    // The status alone says what there is to say.
  }
  return serviceException(reply.status, code, message, reply.requestId, readRetryAfter(reply.headers['retry-after']));
}

(String?, String) _errorOf(Map<String, Object?> body) {
  if (body case {'error': {'code': final String code, 'message': final String message}}) return (code, message);
  return (null, 'The server gave no reason.');
}

/// Returns how long to wait by `Retry-After`: seconds, or a date.
Duration? readRetryAfter(String? header) {
  final text = header?.trim() ?? '';
  if (RegExp(r'^[0-9]{1,9}$').hasMatch(text)) return Duration(seconds: int.parse(text));
  try {
    final left = parseHttpDate(text).difference(DateTime.now());
    return left.isNegative ? Duration.zero : left;
  } on FormatException {
    return null;
  }
}
