// One photo's way, in Node, with a server that fails as told.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ClassifierError, createClassifier, type NodePhoto, type Options, type Step } from "../src/node.js";
import { ANSWER, CUT, failure, HIT, json, MISS, type Reply, SILENCE, scriptedServer } from "./support/scripted-server.js";

const PHOTO = Buffer.from("any bytes are a photo to the client");
const SOON = { "Retry-After": "0" };

function classifier(url: string, options: Partial<Options<NodePhoto>> = {}) {
  return createClassifier({ url, userId: "device-42", ...options });
}

async function failureOf(promise: Promise<unknown>): Promise<ClassifierError> {
  const error = await promise.then(
    () => assert.fail("there was an answer"),
    (reason: unknown) => reason,
  );
  assert(error instanceof ClassifierError);
  return error;
}

test("a known photo is not uploaded", async (t) => {
  const server = await scriptedServer(t, HIT);

  const answer = await classifier(server.url, { apiKey: "key" }).classify(PHOTO);

  assert.equal(answer.category, "pets");
  assert.equal(answer.description, "一只猫");
  assert.deepEqual([answer.fromCache, answer.matchedBy, answer.uploaded], [true, "bytes", "nothing"]);
  assert.deepEqual(server.calls(), ["check-cache"]);
  assert.equal(server.received[0]?.headers["x-user-id"], "device-42");
  assert.equal(server.received[0]?.headers["x-api-key"], "key");
  const asked = JSON.parse(String(server.received[0]?.body));
  assert.deepEqual(asked, { image_hash: createHash("sha256").update(PHOTO).digest("hex") });
});

test("an unknown photo is uploaded as it is, and each step is told with its time", async (t) => {
  const server = await scriptedServer(t, MISS, ANSWER);
  const steps: Step[] = [];

  const answer = await classifier(server.url, { onStep: (step) => steps.push(step) }).classify(PHOTO);

  assert.deepEqual([answer.fromCache, answer.modelUsed, answer.uploaded], [false, "gpt-6-luna", "original"]);
  assert(server.received[1]?.body.includes(PHOTO));
  const told = steps.map(({ name, state }) => `${name} ${state}`);
  assert.deepEqual(told, ["hash", "check", "upload"].flatMap((name) => [`${name} started`, `${name} ended`]));
  assert(steps.every(({ ms }) => ms >= 0));
});

test("Retry-After is waited for, and wins over our own pauses", async (t) => {
  const server = await scriptedServer(t, MISS, failure(503, "overloaded", { "Retry-After": "1" }), ANSWER);
  const waits: Step[] = [];
  const started = Date.now();

  await classifier(server.url, { onStep: (step) => step.name === "wait" && waits.push(step) }).classify(PHOTO);

  assert(Date.now() - started >= 1000);
  assert.deepEqual([waits[0]?.ms, waits[0]?.error?.code], [1000, "overloaded"]);
  assert.deepEqual(server.calls(), ["check-cache", "classify", "classify"]);
});

const APPS_PAGE = readFileSync(process.env["APPS_PAGE"] ?? "../../docs/apps.md", "utf8");
const TABLE = APPS_PAGE.split("<!-- codes -->")[1]!.split("<!-- /codes -->")[0]!;

test("what the page for apps says is repeated, and nothing else", () => {
  const ofApps = TABLE.replace(/^.*for operators \|$/gm, "");
  const rows = [...ofApps.matchAll(/^\| `(\w+)` \| (\d+) \| (.*?) \|/gm)];
  assert(rows.length > 25);
  for (const [, code, status, again] of rows) {
    const error = new ClassifierError(code!, "", { status: Number(status) });

    assert.equal(error.isRetryable, again === "yes", code);
  }
});

test("a proxy's page is repeated by its status", () => {
  const repeated = [408, 429, 500, 502, 503, 504, 520, 404, 418, 200, 0].filter(
    (status) => new ClassifierError("bad_response", "", { status }).isRetryable,
  );

  assert.deepEqual(repeated, [408, 429, 500, 502, 503, 504, 520]);
});

test("a failure that may pass is repeated, and one that was paid for is not", async (t) => {
  const server = await scriptedServer(t, MISS, failure(500, "internal_error", SOON), failure(502, "model_bad_answer", SOON));

  const error = await failureOf(classifier(server.url).classify(PHOTO));

  assert.deepEqual([error.code, error.status, error.requestId], ["model_bad_answer", 502, "req_2"]);
  assert.deepEqual(server.calls(), ["check-cache", "classify", "classify"]);
});

for (const code of ["budget_exhausted", "quota_exceeded"]) {
  test(`${code} that lasts longer than the photo's time is an error at once`, async (t) => {
    const server = await scriptedServer(t, MISS, failure(503, code, { "Retry-After": "3600" }));
    const started = Date.now();

    const error = await failureOf(classifier(server.url).classify(PHOTO));

    assert.deepEqual([error.code, error.retryAfterMs], [code, 3_600_000]);
    assert.equal(server.calls().length, 2);
    assert(Date.now() - started < 1000);
  });
}

test("after a lost connection the answer is asked for before the photo is sent again", async (t) => {
  const server = await scriptedServer(t, MISS, CUT, HIT);

  const answer = await classifier(server.url).classify(PHOTO);

  assert.equal(answer.fromCache, true);
  assert.deepEqual(server.calls(), ["check-cache", "classify", "check-cache"]);
  assert.equal(JSON.parse(String(server.received[2]?.body)).wait_ms, 5000);
});

test("an upload that hears nothing is tried again", async (t) => {
  const server = await scriptedServer(t, MISS, SILENCE, MISS, ANSWER);

  await classifier(server.url, { uploadTimeoutMs: 100 }).classify(PHOTO);

  assert.deepEqual(server.calls(), ["check-cache", "classify", "check-cache", "classify"]);
});

test("a try of a large upload has the time that its bytes take on a slow line", async (t) => {
  const slowly: Reply = (...told) => void setTimeout(() => ANSWER(...told), 400);
  const server = await scriptedServer(t, MISS, slowly);

  await classifier(server.url, { uploadTimeoutMs: 50 }).classify(Buffer.alloc(200_000));

  assert.deepEqual(server.calls(), ["check-cache", "classify"]);
});

test("one time is the limit of all tries of a photo", async (t) => {
  const server = await scriptedServer(t, MISS, SILENCE);
  const started = Date.now();

  const error = await failureOf(classifier(server.url, { timeoutMs: 300 }).classify(PHOTO));

  assert.equal(error.code, "timeout");
  assert(Date.now() - started < 1000);
});

test("an abort ends everything at once", async (t) => {
  const server = await scriptedServer(t, MISS, SILENCE);
  const controller = new AbortController();
  const onStep = (step: Step): void => {
    if (step.name === "upload") controller.abort();
  };

  const error = await failureOf(classifier(server.url, { onStep }).classify(PHOTO, { signal: controller.signal }));

  assert.equal(error.code, "aborted");
  assert.equal((await failureOf(classifier(server.url).classify(PHOTO, { signal: AbortSignal.abort() }))).code, "aborted");
});

test("a lost upload is not sent again before the service says that it does not know it", async (t) => {
  const away = failure(503, "database_unavailable", SOON); // another process would have the photo paid for again
  const server = await scriptedServer(t, MISS, CUT, away, away, HIT);

  await classifier(server.url).classify(PHOTO);

  assert.deepEqual(server.calls(), ["check-cache", "classify", "check-cache", "check-cache", "check-cache"]);
});

test("nothing is uploaded where nobody can say whether it is known", async (t) => {
  const server = await scriptedServer(t, failure(503, "database_unavailable", SOON));

  const error = await failureOf(classifier(server.url, { maxRetries: 2 }).classify(PHOTO));

  assert.equal(error.code, "database_unavailable");
  assert.deepEqual(server.calls(), ["check-cache", "check-cache", "check-cache"]);
});

test("a redirect is not followed: neither the photo nor the key goes to another host", async (t) => {
  const other = await scriptedServer(t, HIT);
  const server = await scriptedServer(t, json(307, {}, { Location: `${other.url}/api/v1/classify/check-cache` }));

  const error = await failureOf(classifier(server.url, { apiKey: "key" }).classify(PHOTO));

  assert.deepEqual([error.code, server.calls().length, other.calls()], ["bad_response", 1, []]);
});

for (const wrong of [{ url: "localhost:8000" }, { userId: "用户" }, { userId: "a".repeat(65) }, { apiKey: "钥匙" }]) {
  test(`${JSON.stringify(wrong).slice(0, 30)} is refused at once, since it would look like a lost connection`, () => {
    assert.throws(() => classifier("http://127.0.0.1:9", wrong), TypeError);
  });
}

test("a wrong key is told by the check, before anything is uploaded", async (t) => {
  const server = await scriptedServer(t, failure(401, "unauthorized"));

  assert.equal((await failureOf(classifier(server.url).classify(PHOTO))).code, "unauthorized");
  assert.deepEqual(server.calls(), ["check-cache"]);
});

for (const body of [{ login: "at the hotel" }, { success: true }, { success: true, cached: true }, { success: true, data: {} }]) {
  test(`what somebody else says is no answer, and gets no photo: ${JSON.stringify(body)}`, async (t) => {
    const server = await scriptedServer(t, json(200, body));

    assert.equal((await failureOf(classifier(server.url).classify(PHOTO))).code, "bad_response");
    assert.deepEqual(server.calls(), ["check-cache"]);
  });
}

test("nobody there is a network error, after as many tries as allowed", async () => {
  const error = await failureOf(classifier("http://127.0.0.1:9", { maxRetries: 0 }).classify(PHOTO));

  assert.equal(error.code, "network_error");
});

test("a file that is not there is told as such", async (t) => {
  const server = await scriptedServer(t, MISS);

  assert.equal((await failureOf(classifier(server.url).classify("no/such/photo.jpg"))).code, "unreadable_photo");
  assert.deepEqual(server.calls(), []);
});

test("a large photo is sent as a smaller copy, a small one as it is", async (t) => {
  const server = await scriptedServer(t, MISS, MISS, ANSWER, MISS, ANSWER);
  const copy = Buffer.from("a copy");
  const shrinking = classifier(server.url, { originalBelowBytes: 30, shrink: async () => copy });

  assert.equal((await shrinking.classify(PHOTO)).uploaded, "copy");
  assert.equal((await shrinking.classify(Buffer.from("small"))).uploaded, "original");
  assert(server.received[2]?.body.includes(copy));
});

test("a photo that was sent as a copy before is known by the copy", async (t) => {
  const server = await scriptedServer(t, MISS, HIT);
  const copy = Buffer.from("a copy");
  const shrinking = classifier(server.url, { originalBelowBytes: 30, shrink: async () => copy });

  const answer = await shrinking.classify(PHOTO);

  assert.deepEqual([answer.uploaded, answer.fromCache], ["nothing", true]);
  assert.equal(answer.hashes?.imageHash, createHash("sha256").update(PHOTO).digest("hex"));
  assert(server.received[1]?.body.includes(createHash("sha256").update(copy).digest("hex")));
});

for (const [name, shrink] of [
  ["is not smaller", async () => Buffer.concat([PHOTO, PHOTO])],
  ["cannot be made", async () => null],
  ["fails", async () => Promise.reject(new Error("no memory"))],
] as const) {
  test(`the original is sent where the copy ${name}`, async (t) => {
    const server = await scriptedServer(t, MISS, ANSWER);

    const answer = await classifier(server.url, { originalBelowBytes: 30, shrink }).classify(PHOTO);

    assert.equal(answer.uploaded, "original");
    assert(server.received[1]?.body.includes(PHOTO));
  });
}

test("a copy is tried where the service does not take the format", async (t) => {
  const server = await scriptedServer(t, MISS, failure(400, "unsupported_format"), MISS, ANSWER);

  const answer = await classifier(server.url, { shrink: async () => Buffer.from("a JPEG") }).classify(PHOTO);

  assert.equal(answer.uploaded, "copy");
});

test("the same errors come of a file that vanishes before it is sent", async (t) => {
  const server = await scriptedServer(t, MISS);
  const vanishing = classifier(server.url, { onStep: ({ name }) => name === "upload" && rmSync(path, { force: true }) });
  const path = join(mkdtempSync(join(tmpdir(), "photo-")), "photo.jpg");
  writeFileSync(path, PHOTO);

  assert.equal((await failureOf(vanishing.classify(path))).code, "unreadable_photo");
});
