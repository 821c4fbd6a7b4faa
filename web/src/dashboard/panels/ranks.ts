// Who asks most, and about which photos.
import { fill, h } from "../../shared/dom.js";
import { number, percent } from "../../shared/format.js";
import { classify } from "../commands.js";
import { nothingYet, Panel, type Part } from "../panel.js";
import { pathsOf } from "../sources.js";
import * as sql from "../sql.js";
import { table } from "../table.js";
import { dayAndMinute, type View } from "../view.js";

export function users(): Part {
  const panel = new Panel("users", "half");
  const update = (view: View): void => {
    const reading = view.readings.users;
    if (!panel.changed(view, reading)) return;
    const words = view.words.users;
    panel.describe({ title: words.title, line: words.line, proofs: [{ path: pathsOf(1).users, sql: sql.users }] }, view);
    const data = panel.mark(reading, view)?.data;
    if (!data) return;
    if (!data.length) return fill(panel.body, nothingYet(words.empty, classify));
    const figures = [words.requests, words.hitRate, words.last];
    const columns = [{ title: words.user }, ...figures.map((title) => ({ title, figure: true }))];
    const rows = data.map((user) => [
      h("span", { class: "cut", title: user.user_id }, user.user_id),
      number(user.request_count),
      percent(user.cache_hit_rate / 100),
      dayAndMinute(user.last_request, view),
    ]);
    fill(panel.body, table(words.title, columns, rows));
  };
  return { element: panel.element, update };
}

export function images(): Part {
  const panel = new Panel("images", "half");
  const update = (view: View): void => {
    const reading = view.readings.images;
    if (!panel.changed(view, reading)) return;
    const words = view.words.images;
    panel.describe({ title: words.title, line: words.line, proofs: [{ path: pathsOf(1).images, sql: sql.images }] }, view);
    const data = panel.mark(reading, view)?.data;
    if (!data) return;
    if (!data.length) return fill(panel.body, nothingYet(words.empty, classify));
    const columns = [
      { title: words.image },
      { title: words.category },
      { title: words.answers, figure: true },
      { title: words.last, figure: true, wide: true },
    ];
    const rows = data.map((image) => [
      shortHash(image.image_hash),
      view.category(image.category),
      number(image.hit_count),
      dayAndMinute(image.last_hit_at, view),
    ]);
    fill(panel.body, table(words.title, columns, rows));
  };
  return { element: panel.element, update };
}

/** As much of a hash as tells two apart; all of it where one points. */
export function shortHash(hash: string): HTMLElement {
  return h("code", { title: hash }, hash.slice(0, 10));
}
