// Messages for the person in front of the page: what is wrong, and what to do.

import { ApiError } from "./api";
import { CROSS, el, icon } from "./dom";

const NEWS_SHOWN_FOR_MS = 12_000;

/** Shows a message; problems stay until dismissed, and the same one is shown once. Returns what removes it. */
export function notify(message: string, hint = "", kind: "problem" | "news" = "problem"): () => void {
  const place = document.getElementById("notices")!;
  const text = el("p", {}, el("strong", {}, message), hint ? ` ${hint}` : "");
  for (const other of place.children) {
    if (other.querySelector("p")?.textContent === text.textContent) other.remove();
  }
  const notice = el(
    "div",
    { class: `notice ${kind}` },
    text,
    el("button", { class: "bare", "aria-label": "Dismiss", onclick: () => notice.remove() }, icon(CROSS)),
  );
  place.append(notice);
  const remove = (): void => notice.remove();
  if (kind === "news") setTimeout(remove, NEWS_SHOWN_FOR_MS);
  return remove;
}

export function explain(error: unknown): () => void {
  if (error instanceof ApiError) return notify(error.message, error.hint);
  return notify(error instanceof Error ? error.message : String(error));
}
