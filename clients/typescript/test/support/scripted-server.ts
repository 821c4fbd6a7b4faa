// A server that answers as told, over real HTTP: one answer for each request, the last one for all others.

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { TestContext } from "node:test";

export interface Received {
  path: string;
  headers: IncomingMessage["headers"];
  body: Buffer;
}

export type Reply = (request: Received, response: ServerResponse, socket: Socket) => void;

export interface ScriptedServer {
  url: string;
  received: Received[];
  /** The last parts of the paths that were called. */
  calls(): string[];
}

/** Runs until the end of the test. */
export async function scriptedServer(test: TestContext, ...script: Reply[]): Promise<ScriptedServer> {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const one = { path: request.url ?? "", headers: request.headers, body: Buffer.concat(parts) };
    received.push(one);
    const reply = script[Math.min(received.length, script.length) - 1];
    reply?.(one, response, request.socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, received, calls: () => received.map(({ path }) => path.split("/").pop() ?? "") };
}

export function json(status: number, body: object, headers: Record<string, string> = {}): Reply {
  return (_, response) => {
    response.writeHead(status, { "Content-Type": "application/json; charset=utf-8", ...headers });
    response.end(JSON.stringify(body));
  };
}

const DATA = { category: "pets", confidence: 0.9, description: "一只猫" };
const SAID = { success: true, data: DATA, request_id: "req_1", timestamp: "2026-11-30T00:00:00Z" };

export const MISS = json(200, { success: true, cached: false, message: "upload it" });
export const HIT = json(200, { ...SAID, cached: true, from_cache: true, matched_by: "bytes" });
export const ANSWER = json(200, {
  ...SAID,
  from_cache: false,
  processing_time_ms: 5,
  matched_by: null,
  degraded: false,
  model_used: "gpt-6-luna",
});

export function failure(status: number, code: string, headers: Record<string, string> = {}): Reply {
  return json(status, { success: false, error: { code, message: "as told" }, request_id: "req_2", timestamp: "" }, headers);
}

/** Cuts the connection. */
export const CUT: Reply = (_, __, socket) => socket.destroy();

/** Says nothing. */
export const SILENCE: Reply = () => {};
