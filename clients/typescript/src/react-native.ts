// React Native, bare or with Expo.

import { Classifier, type Options } from "./core/index.js";
import type { Platform } from "./core/platform.js";
import { hashesOf } from "./hash/content-hash.js";

export * from "./core/index.js";

/** A file of the device: an asset of an image picker, a `File` of expo-file-system, or just its `uri`. */
export interface LocalPhoto {
  uri: string;
  /** The media type. What is none, as a picker's "image", does not count. */
  type?: string | null | undefined;
  mimeType?: string | null | undefined;
  /** Bytes, where they are known. */
  size?: number | null | undefined;
  fileSize?: number | null | undefined;
  /** Returns the file. Without it `readBytes` does. */
  bytes?(): Promise<Uint8Array>;
}

/** Settings of a classifier in an app. */
export interface ReactNativeOptions extends Options<LocalPhoto> {
  /** Reads a file. Default: `fetch`, which reads `file:` in bare React Native. */
  readBytes?: (uri: string) => Promise<Uint8Array>;
}

/** Makes a classifier of the device's files. Without `shrink` the originals are sent. */
export function createClassifier(options: ReactNativeOptions): Classifier<LocalPhoto> {
  return new Classifier(reactNativePlatform(options), options);
}

function reactNativePlatform({ digest, shrink, readBytes = readByFetch }: ReactNativeOptions): Platform<LocalPhoto> {
  const bytesOf = (photo: LocalPhoto): Promise<Uint8Array> => photo.bytes?.() ?? readBytes(photo.uri);

  // React Native's own fetch takes { uri, name, type } and reads the file by itself. Expo's, the global one from SDK 57
  // on, refuses that and takes what has bytes(). Nothing tells them apart but trying, which is done once.
  let sendsBytes = false;

  return {
    size: async (photo) => photo.size ?? photo.fileSize ?? (photo.bytes ? (await photo.bytes()).length : undefined),
    hash: async (photo) => {
      let bytes: Uint8Array;
      try {
        bytes = await bytesOf(photo);
      } catch {
        return null; // what cannot be read here may be sent all the same
      }
      return hashesOf(bytes, digest); // where `digest` fails, no photo would be asked for: that has to be seen
    },
    shrink: shrink ?? (async () => null),
    append: async (form, photo) => {
      const type = photo.mimeType ?? (photo.type?.includes("/") ? photo.type : "application/octet-stream");
      const file = sendsBytes ? { bytes: () => bytesOf(photo) } : { uri: photo.uri };
      form.append("image", { ...file, name: "photo", type } as unknown as Blob);
    },
    offersAnotherPart: (error) => {
      const isRefused = error instanceof Error && error.message.includes("Unsupported FormDataPart");
      sendsBytes ||= isRefused;
      return isRefused;
    },
    networkHint: (url) => (url.startsWith("http:") ? CLEARTEXT_HINT : undefined),
  };
}

const CLEARTEXT_HINT = "(Android and iOS refuse http: addresses unless the app's configuration allows them.)";

async function readByFetch(uri: string): Promise<Uint8Array> {
  return new Uint8Array(await (await fetch(uri)).arrayBuffer());
}
