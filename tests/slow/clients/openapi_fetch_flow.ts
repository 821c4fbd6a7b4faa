// openapi-typescript's types and openapi-fetch: node openapi_fetch_flow.js URL IMAGE
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import createClient from "openapi-fetch";
import type { components, paths } from "./schema";

type ErrorCode = components["schemas"]["ErrorCode"];

async function main(): Promise<void> {
  const [url = "", path = ""] = process.argv.slice(2);
  const image = readFileSync(path);
  const image_hash = createHash("sha256").update(image).digest("hex");
  const client = createClient<paths>({ baseUrl: url });
  const params = { header: { "X-User-ID": "device-42" } };

  const miss = await client.POST("/api/v1/classify/check-cache", { params, body: { image_hash } });
  const asked = await client.POST("/api/v1/classify", {
    params,
    // A file is a `string` in these types: the form is made here.
    body: { image: "" },
    bodySerializer: () => {
      const form = new FormData();
      form.set("image", new Blob([new Uint8Array(image)]), "photo.png");
      form.set("image_hash", image_hash);
      return form;
    },
  });
  const hit = await client.POST("/api/v1/classify/check-cache", { params, body: { image_hash } });
  const categories = await client.GET("/api/v1/categories");
  const wrong = await client.POST("/api/v1/classify/check-cache", { body: { image_hash: "x" } });
  const code: ErrorCode | undefined = wrong.error?.error.code;
  const today = await client.GET("/api/v1/stats/today");
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
