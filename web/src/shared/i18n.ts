// The language of the page: the reader's choice, else the first of the browser's that we have.

export type Language = "en" | "zh";

const KEPT = "language";
const TAGS: Record<Language, string> = { en: "en", zh: "zh-CN" };
const listeners = new Set<() => void>();

let current = kept() ?? ofBrowser();
document.documentElement.lang = TAGS[current];

export function language(): Language {
  return current;
}

/** The language as `Intl` wants it: the browser's own variety of it, where it has one. */
export function locale(): string {
  return navigator.languages.find((tag) => tag.toLowerCase().split("-")[0] === current) ?? TAGS[current];
}

export function setLanguage(chosen: Language): void {
  current = chosen;
  document.documentElement.lang = TAGS[chosen];
  try {
    localStorage.setItem(KEPT, chosen);
  } catch {
    // no storage here: it holds until the page is left
  }
  for (const listener of listeners) listener();
}

/** Calls the listener whenever the reader changes the language: then all texts are to be made anew. */
export function onLanguage(listener: () => void): void {
  listeners.add(listener);
}

/** Returns what gives the texts of the moment's language. That both have the same ones, the compiler sees to. */
export function dictionary<Texts>(texts: Record<Language, Texts>): () => Texts {
  return () => texts[current];
}

function kept(): Language | undefined {
  try {
    const found = localStorage.getItem(KEPT);
    return found === "en" || found === "zh" ? found : undefined;
  } catch {
    return undefined;
  }
}

function ofBrowser(): Language {
  const tags = navigator.languages.map((tag) => tag.toLowerCase().split("-")[0]);
  return tags.find((tag): tag is Language => tag === "en" || tag === "zh") ?? "en";
}
