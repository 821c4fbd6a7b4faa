// The lines that make something happen which an empty panel would show.
const api = `${location.origin}/api/v1`;

export const classify = `curl -H "X-API-Key: $KEY" -H 'X-User-ID: me' \\
  -F image=@photo.jpg ${api}/classify`;

export const feedback = `curl -H "X-API-Key: $KEY" -H 'X-User-ID: me' \\
  ${api}/feedback \\
  -d '{"request_id": "req_…", "category": "pets"}'`;

export const budget = "DAILY_BUDGET=5 MONTHLY_BUDGET=100";
