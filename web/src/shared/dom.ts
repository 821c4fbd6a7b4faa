// Elements, made in one place. Text is always text: nothing here reads HTML.

export type Child = Node | string | number | null | undefined | false;

/** What an element can be given: its own properties, and what has no property of its own. */
export type Props<Element> = Partial<Omit<Element, "style" | "dataset">> & {
  class?: string;
  style?: Partial<CSSStyleDeclaration>;
  data?: Record<string, string | undefined>;
  /** Written as they are, such as `aria-label`; null and undefined are left out. */
  attrs?: Record<string, string | null | undefined>;
  on?: { [Name in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[Name]) => void };
};

/** Makes an element. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  props: Props<HTMLElementTagNameMap[Tag]> = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  const { class: className, style, data, attrs, on, ...own } = props;
  Object.assign(element, own);
  if (className) element.className = className;
  if (style) Object.assign(element.style, style); // as properties: the policy forbids the attribute
  for (const [name, value] of Object.entries(data ?? {})) if (value !== undefined) element.dataset[name] = value;
  for (const [name, value] of Object.entries(attrs ?? {})) if (value != null) element.setAttribute(name, value);
  for (const [name, listener] of Object.entries(on ?? {})) element.addEventListener(name, listener as EventListener);
  element.append(...present(children));
  return element;
}

/** Puts these in place of all that an element holds. */
export function fill(element: Element, ...children: Child[]): void {
  element.replaceChildren(...present(children));
}

/** Returns the element of the page's own document with this id. */
export function byId<Kind extends HTMLElement = HTMLElement>(id: string): Kind {
  const found = document.getElementById(id);
  if (!found) throw new Error(`The page has no element ${id}.`);
  return found as Kind;
}

function present(children: Child[]): (Node | string)[] {
  return children
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (typeof child === "number" ? String(child) : child));
}
