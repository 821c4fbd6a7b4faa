// The panel of what the fingerprint saved, over all photos of the page.

import { fill, h } from "../shared/dom.js";
import * as format from "../shared/format.js";
import { priceOf } from "./money.js";
import { originOf, type Photo, totalMs } from "./photo.js";
import { texts } from "./strings.js";
import { totalsOf } from "./summary.js";

const BY_NAME = ["bytes", "content", "question", "near", "copy"] as const;

export class Savings {
  readonly element = h("section", { class: "card savings" });

  draw(photos: Photo[]): void {
    const all = texts();
    const { known, asked, bytes } = totalsOf(photos);
    const answered = known.length + asked.length;
    const title = h("h2", {}, all.savings);
    if (answered === 0) return fill(this.element, title, h("p", { class: "soft small" }, all.savingsEmpty));
    const price = priceOf(known.length);
    const lines: [string, string][] = [
      [all.fromCache, all.ofAll(format.number(known.length), format.number(answered))],
      ...BY_NAME.map((name): [string, string] => [
        all.origin[name],
        format.number(known.filter((photo) => originOf(photo) === name).length),
      ]),
      ...(known.length > 0 ? [[all.timeKnown, format.duration(median(known.map(totalMs)))] as [string, string]] : []),
      ...(asked.length > 0 ? [[all.timeAsked, format.duration(median(asked.map(totalMs)))] as [string, string]] : []),
    ];
    fill(
      this.element,
      title,
      known.length === 0
        ? h("p", { class: "soft small empty-figure" }, all.savingsEmpty)
        : h("p", { class: "figure" }, ...figure(bytes, price)),
      h("dl", {}, ...lines.flatMap(([name, value]) => [h("dt", { class: "soft" }, name), h("dd", {}, value)])),
    );
  }
}

/** The bytes, and the money beside them; either alone where there is no other. */
function figure(bytes: number, price: string): (string | HTMLElement)[] {
  if (bytes === 0 && price !== "") return [price];
  return [format.bytes(bytes), ...(price === "" ? [] : [h("span", { class: "soft" }, ` + ${price}`)])];
}

function median(values: number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
