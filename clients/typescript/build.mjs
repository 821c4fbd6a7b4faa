// Builds dist/ (both kinds of modules, their types, the worker), or with --tests the tests, into build/.
import { execFileSync } from "node:child_process";
import { copyFileSync, cpSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const common = { bundle: true, target: "es2020", charset: "utf8", logLevel: "warning" };

if (process.argv.includes("--tests")) {
  rmSync("build", { recursive: true, force: true });
  const tests = readdirSync("test").filter((name) => name.endsWith(".test.ts"));
  await build({
    ...common,
    entryPoints: tests.map((name) => `test/${name}`),
    outdir: "build/test",
    outExtension: { ".js": ".mjs" },
    platform: "node",
    format: "esm",
    sourcemap: "inline",
  });
} else {
  rmSync("dist", { recursive: true, force: true });
  const entryPoints = ["src/browser.ts", "src/node.ts", "src/react-native.ts"];
  const external = ["node:fs/promises"];
  await build({ ...common, entryPoints, external, outdir: "dist/esm", format: "esm" });
  // There is no import.meta in CommonJS: the worker is then found by `workerUrl`, or not used.
  const define = { "import.meta.url": "undefined" };
  await build({ ...common, entryPoints, external, outdir: "dist/cjs", format: "cjs", define });
  await build({ ...common, entryPoints: ["src/browser/hash-worker.ts"], outdir: "dist/esm", format: "iife", minify: true });
  execFileSync("node_modules/.bin/tsc", ["-p", "tsconfig.build.json"], { stdio: "inherit" });
  copyFileSync("src/core/schema.d.ts", "dist/esm/core/schema.d.ts");
  cpSync("dist/esm", "dist/cjs", { recursive: true, filter: (path) => !path.endsWith(".js") });
  writeFileSync("dist/cjs/package.json", '{ "type": "commonjs" }\n');
}
