// A page of another origin calls the service, as a web app does, and prints what it could read as JSON.
// node browser_page.mjs CHROMIUM URL PAGE_URL IMAGE
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const [executablePath, url, pageUrl, image] = process.argv.slice(2);
const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath, args });
const page = await browser.newPage();
await page.goto(pageUrl);
const bytes = [...readFileSync(image)];
const read = await page.evaluate(async ({ url, bytes }) => {
  const hash = await crypto.subtle.digest("SHA-256", new Uint8Array(bytes));
  const image_hash = [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const headers = { "X-User-ID": "device-42", "X-API-Key": "k".repeat(40) };
  const seen = async (path, options) => {
    try {
      const response = await fetch(`${url}${path}`, options);
      const id = response.headers.get("X-Request-ID") !== null;
      return { status: response.status, id, body: await response.json() };
    } catch (error) {
      return { status: 0, error: String(error) };
    }
  };
  const form = (size) => {
    const made = new FormData();
    made.set("image", new Blob([size ? new Uint8Array(size) : new Uint8Array(bytes)]), "photo.png");
    return made;
  };
  const json = { ...headers, "Content-Type": "application/json" };
  const question = { method: "POST", headers: json, body: JSON.stringify({ image_hash }) };
  return {
    miss: await seen("/api/v1/classify/check-cache", question),
    asked: await seen("/api/v1/classify", { method: "POST", headers, body: form() }),
    hit: await seen("/api/v1/classify/check-cache", question),
    refused: await seen("/api/v1/classify", { method: "POST", headers: { "X-User-ID": "device-42" }, body: form() }),
    health: await seen("/api/v1/health"),
    tooLarge: await seen("/api/v1/classify", { method: "POST", headers, body: form(11_000_000) }),
  };
}, { url, bytes });
console.log(JSON.stringify(read));
await browser.close();
