// What browsers have: one thread, and no reasons for failures.

/// Returns what [work] returns, after whatever else is waiting for the thread.
Future<T> elsewhere<T>(T Function() work) => Future(work);

/// Whether the server's certificate is why there was no answer: a browser does not say.
bool isAboutCertificate(Object error) => false;
