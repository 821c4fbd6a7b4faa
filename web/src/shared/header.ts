// The head of every page: its name, the other pages, the language, and how the service is.

import { call } from "./api.js";
import { fill, h } from "./dom.js";
import { language, onLanguage, setLanguage } from "./i18n.js";
import { shared } from "./strings.js";

const HEALTH_EVERY_MS = 30_000;

const STATES = ["healthy", "degraded", "unhealthy", "unreachable"] as const;

type Health = (typeof STATES)[number];

/** Fills in the page's `<header>`, and goes on asking how the service is while the page is seen. */
export function addHeader(header: HTMLElement, page: "try" | "dashboard"): void {
  let health: Health | undefined;
  const word = h("span");
  header.className = "header";

  function draw(): void {
    const hadFocus = header.querySelector("button") === document.activeElement;
    const switcher = languageSwitch();
    const name = h("span", { class: "name" }, shared().product);
    fill(header, skipLink(), name, links(page), h("div", { class: "end" }, switcher, word));
    drawHealth(word, health);
    if (hadFocus) switcher.focus();
  }

  async function ask(): Promise<void> {
    if (document.hidden) return;
    health = await call<{ status: string }>("/health", { accept: [503] }).then(
      ({ status }) => STATES.find((state) => state === status) ?? "unreachable",
      () => "unreachable" as const,
    );
    drawHealth(word, health);
  }

  draw();
  onLanguage(draw);
  void ask();
  setInterval(() => void ask(), HEALTH_EVERY_MS);
  for (const event of ["online", "offline"]) addEventListener(event, () => void ask());
  document.addEventListener("visibilitychange", () => void ask());
}

function skipLink(): HTMLElement {
  return h("a", { class: "skip link", href: "#main" }, shared().skip);
}

function links(page: "try" | "dashboard"): HTMLElement {
  const link = (href: string, text: string, isCurrent: boolean): HTMLElement =>
    h("a", { href, attrs: { "aria-current": isCurrent ? "page" : null } }, text);
  return h(
    "nav",
    { attrs: { "aria-label": shared().pages } },
    link("./", shared().tryIt, page === "try"),
    link("dashboard", shared().dashboard, page === "dashboard"),
    link("docs", shared().api, false),
  );
}

function languageSwitch(): HTMLButtonElement {
  const other = language() === "en" ? "zh" : "en";
  return h(
    "button",
    { type: "button", attrs: { lang: other }, on: { click: () => setLanguage(other) } },
    shared().otherLanguage,
  );
}

function drawHealth(word: HTMLElement, health: Health | undefined): void {
  word.className = "health soft";
  word.dataset.state = health === undefined || health === "healthy" ? "well" : "trouble";
  fill(word, h("span", { class: "unseen" }, `${shared().health}: `), health === undefined ? "…" : shared()[health]);
}
