// Makes the versions of photos that clients on libvips, mozjpeg, Skia and jimp send.
//
//     node encode.mjs FOLDER PHOTO...
//
// Writes FOLDER/<photo>/<version>.<type> and prints one JSON object: for each library that cannot be used, why.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(import.meta.url);

function fitted(width, height, longSide) {
  const scale = Math.min(1, longSide / Math.max(width, height));
  return [Math.round(width * scale), Math.round(height * scale)];
}

async function libvips() {
  const { default: sharp } = await import("sharp");
  const shrunk = (photo, side) => sharp(photo).autoOrient().resize(side, side, { fit: "inside" });
  return {
    "libvips 1024 px q80.jpg": (photo) => shrunk(photo, 1024).jpeg({ quality: 80 }).toBuffer(),
    "libvips 800 px q70.jpg": (photo) => shrunk(photo, 800).jpeg({ quality: 70 }).toBuffer(),
    "libvips 1024 px WebP.webp": (photo) => shrunk(photo, 1024).webp({ quality: 80 }).toBuffer(),
  };
}

async function mozjpeg() {
  const { default: sharp } = await import("sharp");
  const { default: encode, init } = await import("@jsquash/jpeg/encode.js");
  const wasm = await readFile(require.resolve("@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm"));
  await init(await WebAssembly.compile(wasm));
  return {
    "mozjpeg 1024 px q80.jpg": async (photo) => {
      const pixels = sharp(photo).autoOrient().resize(1024, 1024, { fit: "inside", kernel: "cubic" }).ensureAlpha();
      const { data, info } = await pixels.raw().toBuffer({ resolveWithObject: true });
      return Buffer.from(await encode({ data, width: info.width, height: info.height }, { quality: 80 }));
    },
  };
}

async function skia() {
  const { createCanvas, loadImage } = await import("@napi-rs/canvas");
  const shrunk = async (photo, side, quality) => {
    const image = await loadImage(photo);
    const [width, height] = fitted(image.width, image.height, side);
    const canvas = createCanvas(width, height);
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(image, 0, 0, width, height);
    return canvas.encode("jpeg", quality);
  };
  return {
    "Skia 1024 px q80.jpg": (photo) => shrunk(photo, 1024, 80),
    "Skia 640 px q60.jpg": (photo) => shrunk(photo, 640, 60),
  };
}

async function jimp() {
  const { Jimp } = await import("jimp");
  return {
    "jimp 1024 px q80.jpg": async (photo) => {
      const image = await Jimp.read(photo);
      const [w, h] = fitted(image.width, image.height, 1024);
      return image.resize({ w, h }).getBuffer("image/jpeg", { quality: 80 });
    },
  };
}

const [folder, ...photos] = process.argv.slice(2);
const missing = {};
for (const [name, library] of Object.entries({ libvips, mozjpeg, skia, jimp })) {
  try {
    for (const [version, make] of Object.entries(await library())) {
      for (const photo of photos) {
        const place = path.join(folder, path.parse(photo).name);
        await mkdir(place, { recursive: true });
        await writeFile(path.join(place, version), await make(await readFile(photo)));
      }
    }
  } catch (error) {
    missing[name] = String(error.message ?? error).split("\n")[0];
  }
}
console.log(JSON.stringify(missing));
