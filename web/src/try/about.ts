// What the service says of itself, and the names of its categories. Asked for once; the page works without.

import type { Category } from "../../../clients/typescript/src/browser.js";
import { call } from "../shared/api.js";
import { language } from "../shared/i18n.js";

/** The part of `GET /about` that the page needs. */
export interface About {
  answered_by: "model" | "embedded_network";
  formats: string[];
  max_image_bytes: number;
  currency: string;
  cost_per_call: number | null;
}

type Names = Partial<Record<Category, { chinese: string; english: string }>>;

let about: About | undefined;
let names: Names = {};

/** Asks for both. Returns whether both are known. */
export async function askAbout(): Promise<boolean> {
  const [service, categories] = await Promise.allSettled([
    call<{ data: About }>("/about"),
    call<{ data: Names }>("/categories"),
  ]);
  if (service.status === "fulfilled") about = service.value.data;
  if (categories.status === "fulfilled") names = categories.value.data;
  return service.status === "fulfilled" && categories.status === "fulfilled";
}

export function service(): About | undefined {
  return about;
}

/** What asking a model costs; 0 where none is asked or the page may not know. */
export function costPerCall(): number {
  return about?.answered_by === "model" ? (about.cost_per_call ?? 0) : 0;
}

/** The category in the reader's language. */
export function categoryName(category: Category): string {
  const name = names[category];
  return (language() === "zh" ? name?.chinese : name?.english) ?? category;
}

/** All categories, in the service's order. */
export function categories(): Category[] {
  return Object.keys(names) as Category[];
}
