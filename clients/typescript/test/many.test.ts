// Many photos at once.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { createClassifier, type NodePhoto, type Progress } from "../src/node.js";
import { ANSWER, failure, HIT, json, MISS, type Reply, scriptedServer } from "./support/scripted-server.js";

const photos = (count: number): Buffer[] => Array.from({ length: count }, (_, number) => Buffer.from(`photo ${number}`));

const PHOTO = Buffer.from("a photo");
const MISSED = { success: true, cached: false, message: "" };

const single: Reply = (request, response, socket) => {
  const reply = request.path.endsWith("/batch") ? failure(404, "not_found") : request.path.endsWith("/classify") ? ANSWER : MISS;
  reply(request, response, socket);
};

test("each photo has its outcome in order, and progress tells of each", async (t) => {
  const server = await scriptedServer(t, single);
  const told: Progress<NodePhoto>[] = [];
  const many = photos(7);

  const outcomes = await createClassifier({ url: server.url }).classifyMany(many, { onProgress: (one) => told.push(one) });

  assert.deepEqual(outcomes.map(({ photo }) => photo), many);
  assert(outcomes.every(({ answer }) => answer?.category === "pets"));
  assert.deepEqual(told.map(({ done }) => done), [1, 2, 3, 4, 5, 6, 7]);
  assert.equal(server.calls().filter((name) => name === "batch").length, 1);
});

test("no more photos than allowed are uploaded at the same time", async (t) => {
  let [running, most] = [0, 0];
  const slow: Reply = (request, response, socket) => {
    if (!request.path.endsWith("/classify")) return single(request, response, socket);
    most = Math.max(most, ++running);
    setTimeout(() => {
      running--;
      single(request, response, socket);
    }, 30);
  };
  const server = await scriptedServer(t, slow);

  await createClassifier({ url: server.url }).classifyMany(photos(9), { concurrency: 2 });

  assert.equal(most, 2);
});

test("one photo that fails is one error, the others have answers", async (t) => {
  const server = await scriptedServer(t, (request, response, socket) =>
    request.body.includes("photo 2") ? failure(422, "model_refused")(request, response, socket) : single(request, response, socket),
  );

  const outcomes = await createClassifier({ url: server.url }).classifyMany(photos(4));

  assert.deepEqual(outcomes.map(({ error }) => error?.code), [undefined, undefined, "model_refused", undefined]);
});

test("a wrong key ends all of them without asking for each", async (t) => {
  const server = await scriptedServer(t, failure(401, "unauthorized"));

  const outcomes = await createClassifier({ url: server.url }).classifyMany(photos(20));

  assert(outcomes.every(({ error }) => error?.code === "unauthorized"));
  assert(server.calls().length <= 4);
});

test("an abort keeps the answers that were there", async (t) => {
  const server = await scriptedServer(t, single);
  const controller = new AbortController();
  const onProgress = ({ done }: { done: number }): void => {
    if (done === 2) controller.abort();
  };

  const outcomes = await createClassifier({ url: server.url }).classifyMany(photos(9), {
    concurrency: 1,
    signal: controller.signal,
    onProgress,
  });

  assert.deepEqual(outcomes.map(({ answer, error }) => answer?.category ?? error?.code).slice(0, 3), ["pets", "pets", "aborted"]);
  assert.equal(outcomes.length, 9);
});

test("where the service answers many questions in one call, known photos take no other", async (t) => {
  const server = await scriptedServer(t, (request, response, socket) => {
    if (!request.path.endsWith("/batch")) return single(request, response, socket);
    const { items } = JSON.parse(String(request.body)) as { items: object[] };
    const hit = { success: true, cached: true, data: { category: "foods", confidence: 1, description: null }, from_cache: true };
    const miss = { success: true, cached: false, message: "" };
    const wrong = { success: false, error: { code: "internal_error", message: "" } };
    const results = items.map((_, index) => [hit, miss, hit, wrong][index % 4]);
    json(200, { success: true, results })(request, response, socket);
  });

  const outcomes = await createClassifier({ url: server.url }).classifyMany(photos(4));

  assert.deepEqual(outcomes.map(({ answer }) => answer?.category), ["foods", "pets", "foods", "pets"]);
  assert.deepEqual(server.calls().sort(), ["batch", "check-cache", "classify", "classify"]); // what failed is asked for again
});

test("of two files of one photo the first is uploaded, and the second is known by then", async (t) => {
  const known = new Set<string>();
  const server = await scriptedServer(t, (request, response, socket) => {
    if (request.path.endsWith("/classify")) {
      known.add(createHash("sha256").update(PHOTO).digest("hex"));
      return ANSWER(request, response, socket);
    }
    const asked = JSON.parse(String(request.body)) as { image_hash: string; items?: object[] };
    if (asked.items) return json(200, { success: true, results: asked.items.map(() => MISSED) })(request, response, socket);
    (known.has(asked.image_hash) ? HIT : MISS)(request, response, socket);
  });

  const outcomes = await createClassifier({ url: server.url }).classifyMany([PHOTO, Buffer.from(PHOTO), Buffer.from(PHOTO)]);

  assert.deepEqual(outcomes.map(({ answer }) => answer?.uploaded), ["original", "nothing", "nothing"]);
  assert.deepEqual(server.calls(), ["batch", "classify", "check-cache", "check-cache"]);
});

test("after a spent budget nothing more is uploaded, and known photos are answered", async (t) => {
  const server = await scriptedServer(t, (request, response, socket) => {
    if (request.path.endsWith("/classify")) {
      return failure(503, "budget_exhausted", { "Retry-After": "3600" })(request, response, socket);
    }
    if (request.path.endsWith("/batch")) return failure(404, "not_found")(request, response, socket);
    const isLast = request.body.includes(createHash("sha256").update(many[8]!).digest("hex"));
    (isLast ? HIT : MISS)(request, response, socket);
  });
  const many = photos(9);

  const outcomes = await createClassifier({ url: server.url }).classifyMany(many, { concurrency: 2 });

  assert.deepEqual(outcomes.map(({ error }) => error?.code), [...Array(8).fill("budget_exhausted"), undefined]);
  assert(server.calls().filter((name) => name === "classify").length <= 2);
});

test("an abort ends the hashing, too", async (t) => {
  const server = await scriptedServer(t, single);
  const stuck = createClassifier({ url: server.url, digest: () => new Promise(() => {}) });

  const outcomes = await stuck.classifyMany(photos(3), { signal: AbortSignal.timeout(50) });

  assert.deepEqual(outcomes.map(({ error }) => error?.code), ["aborted", "aborted", "aborted"]);
});

test("where the app's own callback fails nothing more is begun", async (t) => {
  let [uploads, told] = [0, 0];
  let goOn = (): void => {};
  const held = new Promise<void>((resolve) => (goOn = resolve));
  const server = await scriptedServer(t, (request, response, socket) => {
    const isHeld = request.path.endsWith("/classify") && ++uploads === 2;
    void (isHeld ? held : Promise.resolve()).then(() => single(request, response, socket));
  });
  const onProgress = (): void => {
    if (++told === 1) throw new RangeError("of the app");
  };
  const client = createClassifier({ url: server.url });

  await assert.rejects(client.classifyMany(photos(9), { concurrency: 2, onProgress }), RangeError);

  goOn();
  while (told < 2) await new Promise(setImmediate);
  await client.classify(Buffer.from("another")); // what was begun before it is there before it
  assert.equal(uploads, 3);
});

test("the hits of single checks count as known", async (t) => {
  const server = await scriptedServer(t, failure(404, "not_found"), HIT);
  let known = 0;

  await createClassifier({ url: server.url }).classifyMany(photos(3), { onProgress: ({ fromCache }) => (known = fromCache) });

  assert.equal(known, 3);
});
