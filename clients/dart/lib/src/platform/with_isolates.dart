// What phones and servers have, and browsers have not.

import 'dart:io';
import 'dart:isolate';

/// Returns what [work] returns, which is done in an isolate of its own: the thread that draws goes on.
Future<T> elsewhere<T>(T Function() work) => Isolate.run(work);

/// Whether the server's certificate is why there was no answer, which does not pass.
bool isAboutCertificate(Object error) => error is TlsException && '$error'.contains('CERTIFICATE_VERIFY_FAILED');
