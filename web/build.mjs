// Builds the pages into a folder: one script, one style sheet and one document each, and the worker that they share.
// node build.mjs FOLDER
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const PAGES = ["try", "dashboard"];

const folder = process.argv[2];
if (!folder) throw new Error("Name the folder to build into.");
mkdirSync(folder, { recursive: true });

const common = {
  bundle: true,
  minify: true,
  target: "es2022",
  charset: "utf8",
  legalComments: "inline",
  logLevel: "warning",
};
await build({
  ...common,
  entryPoints: PAGES.flatMap((page) => [`src/${page}/${page}.ts`, `src/${page}/${page}.css`]),
  outdir: folder,
  entryNames: "[name]",
  format: "esm",
});
await build({
  ...common,
  entryPoints: ["../clients/typescript/src/browser/hash-worker.ts"],
  outdir: folder,
  format: "iife",
});
const frame = readFileSync("src/shared/page.html", "utf8");
for (const page of PAGES) writeFileSync(`${folder}/${page}.html`, frame.replaceAll("{page}", page));
