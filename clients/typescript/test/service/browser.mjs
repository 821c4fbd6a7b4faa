// The same in Chromium, in a page of another origin. "close" on stdin closes the tab and does all again in a new one.
// node browser.mjs '{"chromium": "...", "page": "http://...", "options": {...}, "photos": ["..."], "before": "script"}'
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const { chromium: executablePath, page: address, options, photos, before = "", hosts = "" } = JSON.parse(process.argv[2]);
const print = (line) => console.log(JSON.stringify(line));
const args = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"];
if (hosts) args.push(`--host-resolver-rules=${hosts}`);
const browser = await chromium.launch({ executablePath, args });

async function openTab() {
  const tab = await browser.newPage();
  await tab.addInitScript(before);
  await tab.exposeFunction("print", print);
  await tab.goto(address);
  await tab.setInputFiles("input", photos);
  return tab;
}

async function classify(tab) {
  await tab.evaluate(async (options) => {
    const { createClassifier } = await import("/dist/esm/browser.js");
    const onStep = ({ error, ...step }) => print({ ...step, code: error?.code });
    const classifier = createClassifier({ ...options, onStep });
    const files = [...document.querySelector("input").files];
    for (const { answer, error } of await classifier.classifyMany(files, { concurrency: 1 })) {
      await print({ answer, code: error?.code });
    }
    await print({ isSecure: isSecureContext });
  }, options);
  print({ workers: tab.workers().length });
}

let tab = await openTab();
let closed = false;
const done = classify(tab).catch((error) => {
  if (!closed) throw error;
});
const commands = createInterface({ input: process.stdin });
commands.once("line", async () => {
  closed = true;
  await tab.close();
  print({ tab: "closed" });
  tab = await openTab();
  await classify(tab);
  commands.close();
  await browser.close();
});
await done;
if (!closed) {
  commands.close();
  await browser.close();
}
