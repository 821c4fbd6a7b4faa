// Opens /docs in a browser, tries `classify` with nothing but a file, and prints what happened as JSON.
// node browser_docs.mjs CHROMIUM URL IMAGE [SCREENSHOT]
import { chromium } from "playwright-core";

const [executablePath, url, image, screenshot] = process.argv.slice(2);
const args = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath, args });
const page = await browser.newPage({ viewport: { width: 1200, height: 1400 } });
const complaints = [];
const hosts = new Set();
page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
page.on("pageerror", (error) => complaints.push(String(error)));
page.on("request", (request) => hosts.add(new URL(request.url()).host || request.url().split(":")[0]));

await page.goto(`${url}/docs`);
await page.waitForSelector("#operations-classify-classify");
const title = await page.title();
await page.click("#operations-classify-classify .opblock-summary-control");
await page.click("#operations-classify-classify .try-out__btn");
await page.setInputFiles("#operations-classify-classify input[type=file]", image);
const answered = page.waitForResponse((response) => response.url().endsWith("/api/v1/classify"));
await page.click("#operations-classify-classify .execute");
const answer = await answered;
await page.waitForSelector("#operations-classify-classify .live-responses-table .response-col_status");
if (screenshot) await page.screenshot({ path: screenshot, fullPage: false });
console.log(JSON.stringify({ title, complaints, hosts: [...hosts], status: answer.status(), body: await answer.json() }));
await browser.close();
