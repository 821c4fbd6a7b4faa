// What an app's own parts may do to it. Whole apps are in test/service/react-native.mjs.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ClassifierError, createClassifier } from "../src/react-native.js";
import { ANSWER, scriptedServer } from "./support/scripted-server.js";

const PHOTO = { uri: "file:///photo.jpg", size: 5 };

test("a digest that fails is told, and does not have every photo uploaded without a question", async (t) => {
  const server = await scriptedServer(t, ANSWER);
  const classifier = createClassifier({
    url: server.url,
    readBytes: async () => Buffer.from("bytes"),
    digest: () => Promise.reject(new Error("QuickCrypto is not linked")),
  });

  const failed = (error: unknown) => error instanceof ClassifierError && error.message === "QuickCrypto is not linked";
  await assert.rejects(classifier.classify(PHOTO), failed);
  assert.deepEqual(server.calls(), []);
});

test("a photo that cannot be read here is sent all the same", async (t) => {
  const server = await scriptedServer(t, ANSWER);
  const readBytes = (): Promise<Uint8Array> => Promise.reject(new Error("no permission"));

  const answer = await createClassifier({ url: server.url, readBytes }).classify(PHOTO);

  assert.equal(answer.hashes, null);
  assert.deepEqual(server.calls(), ["classify"]);
});
