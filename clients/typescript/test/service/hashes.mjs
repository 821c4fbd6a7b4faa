// Prints the content hash of each file, or null: node hashes.mjs FOLDER
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { contentHash } from "../../dist/esm/node.js";

const [folder] = process.argv.slice(2);
const hashes = {};
for (const name of readdirSync(folder)) hashes[name] = await contentHash(new Uint8Array(readFileSync(join(folder, name))));
console.log(JSON.stringify(hashes));
