// Elements without ceremony.

type Child = Node | string | null;
type Attributes = Record<string, string | number | boolean | ((event: never) => void) | undefined>;

/** An element; `onclick` and the like are listeners, `true` sets a bare attribute, `false` none. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") {
      element.addEventListener(name.slice(2), value as EventListener);
    } else if (value === true) {
      element.setAttribute(name, "");
    } else if (value !== false && value !== undefined) {
      element.setAttribute(name, String(value));
    }
  }
  element.append(...children.filter((child): child is Node | string => child !== null));
  return element;
}

export const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** What a view leaves running; `closed` when the view is left. */
export type View = { element: HTMLElement; close: () => void };
