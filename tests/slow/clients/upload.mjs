// Uploads zeros as a form: upload.mjs CLIENT URL BYTES TIMES KEY. Prints a status, or an error, for each time.
import http from "node:http";

const [client, url, bytes, times, key] = process.argv.slice(2);

const form = () => {
  const made = new FormData();
  made.append("image", new Blob([new Uint8Array(Number(bytes))]), "p.jpg");
  return made;
};

const clients = {
  fetch: async () => {
    const response = await fetch(url, { method: "POST", body: form(), headers: { "X-API-Key": key } });
    await response.text();
    return response.status;
  },
  axios: async () => {
    const { default: axios } = await import("axios");
    const options = { headers: { "X-API-Key": key }, maxBodyLength: Infinity, validateStatus: () => true };
    return (await axios.post(url, form(), options)).status;
  },
  http: () =>
    new Promise((resolve, reject) => {
      const head = '--B\r\nContent-Disposition: form-data; name="image"; filename="p.jpg"\r\n\r\n';
      const body = Buffer.concat([Buffer.from(head), Buffer.alloc(Number(bytes)), Buffer.from("\r\n--B--\r\n")]);
      const headers = { "Content-Type": "multipart/form-data; boundary=B", "Content-Length": body.length, "X-API-Key": key };
      const request = http.request(url, { method: "POST", headers }, (response) => {
        response.resume();
        response.on("end", () => resolve(response.statusCode));
      });
      request.on("error", reject);
      request.end(body);
    }),
};

for (let i = 0; i < Number(times); i++) {
  try {
    console.log(await clients[client]());
  } catch (error) {
    console.log(String(error.cause ?? error).replaceAll("\n", " "));
  }
}
process.exit(0);
