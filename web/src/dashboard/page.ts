// Brings together what is read and what is shown, and stops reading while nobody looks.
import { apiKey, setApiKey } from "../shared/api.js";
import { fill, h } from "../shared/dom.js";
import { language, onLanguage } from "../shared/i18n.js";
import { shared } from "../shared/strings.js";
import { Constants } from "./constants.js";
import { Feed, type FeedState } from "./feed.js";
import { Head } from "./head.js";
import { KeyCard, type Refusal } from "./key.js";
import type { Part } from "./panel.js";
import { allPanels } from "./panels.js";
import { PointWindow } from "./points.js";
import { type Name, Sources } from "./sources.js";
import { reaches } from "./totals.js";
import type { Live } from "./types.js";
import { dayOf, type View } from "./view.js";
import { words } from "./words.js";

const READ_EVERY_MS = 60_000;
const JITTER_MS = 5_000; // so that pages that were opened together do not ask together for ever
const AT_ONCE_MS = 2_000;

export class Page {
  private readonly head = new Head((days) => this.choose(days));
  private readonly key = new KeyCard(() => this.tryKey());
  private readonly forget = h("button", { type: "button", class: "link small", on: { click: () => this.forgetKey() } });
  private readonly panels: Part[];
  private readonly grid: HTMLElement;
  private readonly sources = new Sources((name) => this.onReading(name));
  private readonly feed = new Feed({
    onData: (live) => this.onLive(live),
    onState: (state, status) => this.onState(state, status),
  });
  private readonly constants = new Constants(() => this.draw(this.known()));
  private readonly window = new PointWindow();
  private readonly timers = new Map<string, number>();
  private refusal: Refusal | undefined;
  private isTrying = false; // a key has been given, and nobody has said yet whether it opens anything
  private readAt = -Infinity;
  private readFor = ""; // the day that all was read anew for when it began
  private view: View = {
    words: words(),
    language: language(),
    days: 1,
    timezone: "",
    currency: "",
    readings: this.sources.readings,
    feed: "connecting",
    live: undefined,
    points: [],
    category: (key) => key,
  };

  constructor(main: HTMLElement) {
    this.panels = allPanels(() => this.constants.categories, () => this.readSoon(["feedback", "audit"]));
    this.grid = h("div", { class: "panels" }, ...this.panels.map(({ element }) => element));
    fill(main, this.head.element, this.key.element, this.grid, this.forget);
    onLanguage(() => this.speak());
    document.addEventListener("visibilitychange", () => (document.hidden ? this.pause() : void this.open()));
  }

  /** Read, and go on reading. One question comes first: who is refused is refused once, and not ten times. */
  async open(): Promise<void> {
    this.draw({});
    if (!this.sources.readings.trend.data) await this.sources.read("trend");
    if (document.hidden || this.refusal) return;
    this.feed.open();
    this.goOnReading();
    if (performance.now() - this.readAt >= READ_EVERY_MS) this.readAll();
  }

  private pause(): void {
    this.feed.close();
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
  }

  private choose(days: number): void {
    this.sources.select(days);
    this.draw({ days, readings: this.sources.readings });
    if (!this.refusal) this.readAll();
  }

  private tryKey(): void {
    this.isTrying = true;
    this.readAt = -Infinity;
    this.pause();
    void this.open();
  }

  private forgetKey(): void {
    setApiKey(undefined);
    this.sources.clear();
    this.draw({ live: undefined, points: [], readings: this.sources.readings });
    this.tryKey();
  }

  private onReading(name: Name): void {
    const { failure } = this.sources.readings[name];
    const zone = name === "trend" ? this.sources.readings.trend.data?.timezone : undefined;
    this.draw({ readings: { ...this.sources.readings }, ...(zone && { timezone: zone }) });
    if (failure?.status === 401 || failure?.status === 403) this.refuse(failure.status);
    else if (name !== "health") this.admit(); // health is open to all
  }

  private onLive(live: Live): void {
    this.admit();
    this.window.merge(live.points, live.seconds_per_point);
    this.draw({ live, points: this.window.points, timezone: live.timezone });
    this.beginDay(live);
  }

  /** After midnight all that was read is of yesterday. It is read anew once: what fails then is tried again as always. */
  private beginDay({ as_of, timezone }: Live): void {
    const trend = this.sources.readings.trend.data;
    const day = dayOf(as_of, timezone);
    if (!trend || this.readFor === day || reaches(trend, as_of)) return;
    this.readFor = day;
    this.readAll();
  }

  private onState(feed: FeedState, status?: number): void {
    const before = this.view.feed;
    this.draw({ feed });
    if (status === 401 || status === 403) return this.refuse(status);
    if (feed === before || feed === "connecting") return;
    // It stopped, or it is back: what is shown of the statistics is to say so at once too.
    if (feed === "stale" || this.sources.failing) this.after("soon", AT_ONCE_MS, () => this.readAll());
  }

  private refuse(refusal: Refusal): void {
    if (this.refusal === refusal && !this.isTrying) return;
    this.isTrying = false;
    this.refusal = refusal;
    this.pause();
    this.sources.clear();
    this.draw({ feed: "denied", live: undefined, points: [], readings: this.sources.readings });
    this.key.show(refusal, this.view.words);
  }

  private admit(): void {
    this.isTrying = false;
    if (this.refusal === undefined) return;
    this.refusal = undefined;
    this.key.show(undefined, this.view.words);
    this.draw({});
  }

  private readAll(): void {
    this.readAt = performance.now();
    void this.sources.readAll();
    this.constants.read();
  }

  private readSoon(names: Name[]): void {
    for (const name of names) void this.sources.read(name);
  }

  private known(): Pick<View, "currency" | "category"> {
    return { currency: this.constants.currency, category: this.constants.namer() };
  }

  private speak(): void {
    this.draw({ words: words(), language: language(), ...this.known() });
    this.key.show(this.refusal, this.view.words);
  }

  private draw(changes: Partial<View>): void {
    this.view = { ...this.view, ...changes };
    const { words } = this.view;
    document.title = `${words.title(this.view.days)} · ${shared().product}`;
    this.head.update(this.view);
    this.forget.hidden = apiKey() === undefined || this.refusal !== undefined;
    this.forget.textContent = words.keyForget;
    this.grid.hidden = this.refusal !== undefined;
    if (!this.refusal) for (const panel of this.panels) panel.update(this.view);
  }

  private goOnReading(): void {
    this.after("read", READ_EVERY_MS + Math.random() * JITTER_MS, () => {
      this.readAll();
      this.goOnReading();
    });
  }

  private after(name: string, wait: number, act: () => void): void {
    clearTimeout(this.timers.get(name));
    this.timers.set(name, window.setTimeout(act, wait));
  }
}
