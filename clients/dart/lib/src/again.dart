// Which answers of the service are worth another try: what the table in its docs/apps.md says.

/// The model was asked in vain, and each question to it may be billed.
const paidInVain = ['model_bad_answer', 'model_timeout'];

/// Whether the same request may be answered a little later.
bool mayPassLater(int status, String code) {
  return (status == 408 || status == 429 || status >= 500) && !paidInVain.contains(code);
}
