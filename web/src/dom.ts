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

const SVG = "http://www.w3.org/2000/svg";

/** An element of a drawing. */
export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Record<string, string>,
  ...children: Node[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** A line drawing on a grid of 24, in the colour of the text around it. */
export const icon = (path: string): SVGElement =>
  svg("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: path }));

export const TRASH = "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5";
export const CROSS = "M6 6l12 12M18 6L6 18";

export const sleep = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

/** One page of the Studio; `close` ends what it has running. */
export interface View {
  title: string;
  element: HTMLElement;
  close: () => void;
}
