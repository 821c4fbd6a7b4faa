// Reads server-sent events from the body of a fetch. The browser's own EventSource cannot send a key in a header.

export interface ServerEvent {
  event: string;
  data: string;
}

/** Takes text as it comes, cut anywhere, and returns the events that are whole by now. Comments are left out. */
export class EventParser {
  private rest = "";

  push(text: string): ServerEvent[] {
    const blocks = (this.rest + text).replace(/\r\n?/g, "\n").split("\n\n");
    this.rest = blocks.pop() ?? "";
    return blocks.map(eventOf).filter((event) => event !== null);
  }
}

function eventOf(block: string): ServerEvent | null {
  let event = "message";
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const [, field, value] = /^([^:]*): ?(.*)$/.exec(line) ?? [];
    if (field === "event") event = value ?? event;
    if (field === "data") data.push(value ?? "");
  }
  return event === "message" && data.length === 0 ? null : { event, data: data.join("\n") };
}

/** Call `take` with each event until the body ends. `alive` is called whenever anything comes, comments too. */
export async function readEvents(
  body: ReadableStream<Uint8Array>,
  take: (event: ServerEvent) => void,
  alive: () => void,
): Promise<void> {
  const parser = new EventParser();
  const decoder = new TextDecoder();
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    alive();
    parser.push(decoder.decode(value, { stream: true })).forEach(take);
  }
}
