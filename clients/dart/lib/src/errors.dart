// What can go wrong with a photo, as one tree.
//
// ClassifierException
//   ClientClosed                the client was closed while it was at work
//   PhotoUnreadable             the photo is empty, or larger than this client takes
//   ConnectionFailed            no answer came: refused, reset, cut off, a wrong certificate
//     TimedOut                  no answer came in time
//   UnexpectedAnswer            an answer, but not of this service
//   ServiceException            the service said no, `code` says why
//     InvalidRequest            400
//       InvalidPhoto            400 invalid_image, unsupported_format
//       HashMismatch            400 hash_mismatch: the upload was altered on its way
//     KeyRefused                401, 403: a wrong key, or not from this address
//     NotOffered                404, 405: this server, or this version of it, does not have the call
//     PhotoTooLarge             413
//     ModelRefused              422
//     LimitReached              429, and 503 budget_exhausted: later, `retryAfter` says when
//       BudgetExhausted         503 budget_exhausted
//       QuotaExceeded           429 quota_exceeded
//     ServiceUnavailable        408, 503, and a proxy's own 502 and 504
//     ModelFailed               502 model_bad_answer, 504 model_timeout
//     ServiceFailed             500, and any other status

/// A failure.
sealed class ClassifierException implements Exception {
  ClassifierException(this.message, {this.requestId});

  final String message;

  /// Names the request in the service's log, where an answer came.
  final String? requestId;

  /// How often was asked.
  int tries = 1;

  /// A word for programs: the service's own where it answered.
  String get code;

  @override
  String toString() => '$code: $message${requestId == null ? '' : ' ($requestId)'}';
}

class ClientClosed extends ClassifierException {
  ClientClosed() : super('The client is closed.');

  @override
  String get code => 'client_closed';
}

class PhotoUnreadable extends ClassifierException {
  PhotoUnreadable(super.message);

  @override
  String get code => 'photo_unreadable';
}

class ConnectionFailed extends ClassifierException {
  ConnectionFailed(super.message, {this.isFinal = false});

  /// Whether it is in vain to try again: a certificate does not become right.
  final bool isFinal;

  @override
  String get code => 'connection_failed';
}

class TimedOut extends ConnectionFailed {
  TimedOut([super.message = 'The service did not answer in time.']);

  @override
  String get code => 'timed_out';
}

/// An answer that is not this service's: a login page of a network, another server at that address.
class UnexpectedAnswer extends ClassifierException {
  UnexpectedAnswer(super.message, {super.requestId});

  @override
  String get code => 'unexpected_answer';
}

/// The service said no.
class ServiceException extends ClassifierException {
  ServiceException(super.message, {required this.status, required this.code, super.requestId, this.retryAfter});

  /// Of the answer; 200 where the answer was about many photos, and this one failed.
  final int status;

  /// The service's word for what went wrong, as its README lists them; `http_<status>` where it gave none.
  @override
  final String code;

  /// How long the service wants to be left alone.
  final Duration? retryAfter;
}

class InvalidRequest extends ServiceException {
  InvalidRequest(super.message, {required super.status, required super.code, super.requestId, super.retryAfter});
}

class InvalidPhoto extends InvalidRequest {
  InvalidPhoto(super.message, {required super.status, required super.code, super.requestId, super.retryAfter});
}

class HashMismatch extends InvalidRequest {
  HashMismatch(super.message, {required super.status, required super.code, super.requestId, super.retryAfter});
}

class KeyRefused extends ServiceException {
  KeyRefused(super.message, {required super.status, required super.code, super.requestId, super.retryAfter});
}

class NotOffered extends ServiceException {
  NotOffered(super.message, {required super.status, required super.code, super.requestId, super.retryAfter});
}

class PhotoTooLarge extends ServiceException {
  PhotoTooLarge(super.message, {required super.status, required super.code, super.requestId, super.retryAfter});
}

class ModelRefused extends ServiceException {
  ModelRefused(super.message, {required super.status, required super.code, super.requestId, super.retryAfter});
}

class LimitReached extends ServiceException {
  LimitReached(super.message, {required super.status, required super.code, super.requestId, super.retryAfter});
}

class BudgetExhausted extends LimitReached {
  BudgetExhausted(super.message, {required super.status, required super.code, super.requestId, super.retryAfter});
}

class QuotaExceeded extends LimitReached {
  QuotaExceeded(super.message, {required super.status, required super.code, super.requestId, super.retryAfter});
}

class ServiceUnavailable extends ServiceException {
  ServiceUnavailable(super.message, {required super.status, required super.code, super.requestId, super.retryAfter});
}

class ModelFailed extends ServiceException {
  ModelFailed(super.message, {required super.status, required super.code, super.requestId, super.retryAfter});
}

class ServiceFailed extends ServiceException {
  ServiceFailed(super.message, {required super.status, required super.code, super.requestId, super.retryAfter});
}

typedef _Make = ServiceException Function(
  String message, {
  required int status,
  required String code,
  String? requestId,
  Duration? retryAfter,
});

const Map<String, _Make> _byCode = {
  'invalid_image': InvalidPhoto.new,
  'unsupported_format': InvalidPhoto.new,
  'hash_mismatch': HashMismatch.new,
  'budget_exhausted': BudgetExhausted.new,
  'quota_exceeded': QuotaExceeded.new,
  'model_bad_answer': ModelFailed.new,
  'model_timeout': ModelFailed.new,
  'model_refused': ModelRefused.new,
  'model_unavailable': ServiceUnavailable.new,
  'database_unavailable': ServiceUnavailable.new,
  'overloaded': ServiceUnavailable.new,
  'internal_error': ServiceFailed.new,
};

const Map<int, _Make> _byStatus = {
  200: InvalidRequest.new,
  400: InvalidRequest.new,
  401: KeyRefused.new,
  403: KeyRefused.new,
  404: NotOffered.new,
  405: NotOffered.new,
  408: ServiceUnavailable.new,
  413: PhotoTooLarge.new,
  422: ModelRefused.new,
  429: LimitReached.new,
  500: ServiceFailed.new,
  502: ServiceUnavailable.new,
  503: ServiceUnavailable.new,
  504: ServiceUnavailable.new,
};

/// Returns the error for what the service said.
ServiceException serviceException(int status, String? code, String message, String? requestId, Duration? retryAfter) {
  final make = _byCode[code] ?? _byStatus[status] ?? ServiceFailed.new;
  return make(
    message,
    status: status,
    code: code ?? 'http_$status',
    requestId: requestId,
    retryAfter: retryAfter,
  );
}
