// What operators have changed: who, when, what and why.
import { fill, type Child } from "../../shared/dom.js";
import { number } from "../../shared/format.js";
import { nothingYet, Panel, type Part } from "../panel.js";
import { pathsOf } from "../sources.js";
import { audit as statement } from "../sql.js";
import { table } from "../table.js";
import type { AuditEntry } from "../types.js";
import { dayAndMinute, type View } from "../view.js";
import { shortHash } from "./ranks.js";

export function audit(): Part {
  const panel = new Panel("audit", "half");
  const update = (view: View): void => {
    const reading = view.readings.audit;
    if (!panel.changed(view, reading)) return;
    const words = view.words.audit;
    panel.describe({ title: words.title, line: words.line, proofs: [{ path: pathsOf(1).audit, sql: statement }] }, view);
    const data = panel.mark(reading, view)?.data;
    if (!data) return;
    if (!data.length) return fill(panel.body, nothingYet(words.empty));
    const columns = [words.when, words.who, words.what, words.image, words.reason].map((title) => ({ title }));
    fill(panel.body, table(words.title, columns, data.map((entry) => row(entry, view))));
  };
  return { element: panel.element, update };
}

function row(entry: AuditEntry, view: View): Child[] {
  return [
    dayAndMinute(entry.created_at, view),
    entry.key_name ?? entry.ip_address ?? view.words.audit.nameless,
    `${view.words.audit.actions[entry.action] ?? entry.action}: ${change(entry, view)}`,
    entry.image_hash ? shortHash(entry.image_hash) : "",
    entry.reason,
  ];
}

function change(entry: AuditEntry, view: View): string {
  const words = view.words.audit;
  if (entry.purged) return words.purged(number(entry.purged.deleted));
  const [before, after] = [entry.before, entry.after].map((state) => state && view.category(state.category));
  if (!before || !after) return before ?? after ?? "";
  return before === after ? words.confirmed(after) : words.change(before, after);
}
