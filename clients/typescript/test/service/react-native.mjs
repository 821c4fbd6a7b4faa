// The same as an app of React Native, bare or with Expo, with doubles of what those have in place of Node's parts.
// node react-native.mjs '{"expo": true, "options": {...}, "photos": ["..."]}'
import { readFile } from "node:fs/promises";
import { createClassifier } from "../../dist/esm/react-native.js";

const { expo, options, photos } = JSON.parse(process.argv[2]);
const print = (line) => console.log(JSON.stringify(line));
const networkFetch = globalThis.fetch;
const refused = { parts: 0 };

/** React Native's: Libraries/Network/FormData.js. */
class FormData {
  parts = [];

  append(name, value) {
    this.parts.push([name, value]);
  }

  getParts() {
    return this.parts.map(([fieldName, value]) => {
      const headers = { "content-disposition": `form-data; name="${fieldName}"` };
      if (typeof value !== "object" || value === null) return { string: String(value), headers, fieldName };
      if (typeof value.name === "string") headers["content-disposition"] += `; filename="${value.name}"`;
      if (typeof value.type === "string") headers["content-type"] = value.type;
      return { ...value, headers, fieldName };
    });
  }
}

async function bodyOf(form, boundary, bytesOfPart) {
  const pieces = [];
  for (const part of form.getParts()) {
    const head = Object.entries(part.headers).map(([name, value]) => `${name}: ${value}\r\n`);
    pieces.push(`--${boundary}\r\n${head.join("")}\r\n`, await bytesOfPart(part), "\r\n");
  }
  return Buffer.concat([...pieces, `--${boundary}--\r\n`].map((piece) => Buffer.from(piece)));
}

/** What the native side of React Native does with a part: its uri is read there. */
async function nativeBytes(part) {
  if (part.uri === undefined) throw new TypeError("Network request failed"); // "Unrecognized FormData part."
  return readFile(new URL(part.uri));
}

/** Expo's from SDK 57 on: expo/src/winter/fetch/convertFormData.ts. */
async function expoBytes(part) {
  if ("bytes" in part) return part.bytes();
  refused.parts++;
  throw new Error("Unsupported FormDataPart implementation");
}

globalThis.FormData = FormData;
globalThis.fetch = async (url, init = {}) => {
  if (!(init.body instanceof FormData)) {
    return String(url).startsWith("file:") ? new Response(await readFile(new URL(url))) : networkFetch(url, init);
  }
  const boundary = "----double";
  const body = await bodyOf(init.body, boundary, expo ? expoBytes : nativeBytes);
  const headers = { ...init.headers, "Content-Type": `multipart/form-data; boundary=${boundary}` };
  return networkFetch(url, { ...init, headers, body });
};

/** As expo-file-system's: what it has is behind getters. */
class File {
  #uri;

  constructor(uri) {
    this.#uri = uri;
  }

  get uri() {
    return this.#uri;
  }

  async bytes() {
    return new Uint8Array(await readFile(new URL(this.#uri)));
  }
}

Object.defineProperty(globalThis, "crypto", { value: undefined });
const files = photos.map((path) => `file://${path}`).map((uri) => (expo ? new File(uri) : { uri, type: "image" }));
const classifier = createClassifier(options);
for (const { answer, error } of await classifier.classifyMany(files, { concurrency: 2 })) {
  print({ answer, code: error?.code });
}
print({ refused: refused.parts });
