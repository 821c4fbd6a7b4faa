// hey-api's functions: node hey_api_flow.js URL IMAGE
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { checkCache, classify, getCategories, getTodayStats } from "./hey_api";
import { client } from "./hey_api/client.gen";
import type { ErrorCode } from "./hey_api";

async function main(): Promise<void> {
  const [url = "", path = ""] = process.argv.slice(2);
  const image = readFileSync(path);
  const image_hash = createHash("sha256").update(image).digest("hex");
  client.setConfig({ baseUrl: url });
  const headers = { "X-User-ID": "device-42" };

  const miss = await checkCache({ headers, body: { image_hash } });
  const asked = await classify({ headers, body: { image: new Blob([new Uint8Array(image)]), image_hash } });
  const hit = await checkCache({ headers, body: { image_hash } });
  const categories = await getCategories();
  const wrong = await checkCache({ body: { image_hash: "x" } });
  const code: ErrorCode | undefined = wrong.error?.error.code;
  const today = await getTodayStats();
  console.log(JSON.stringify({
    missed: miss.data?.cached === false,
    asked: asked.data?.from_cache === false,
    category: asked.data?.data.category,
    hit: hit.data?.cached === true && hit.data.data?.category === asked.data?.data.category,
    described: hit.data?.data?.description,
    pets: categories.data?.data["pets"]?.chinese,
    error: code,
    requests: today.data?.data.total_requests,
  }));
}

void main();
