// Messages for the person in front of the page: what is wrong, and what to do.

import { ApiError } from "./api";
import { el } from "./dom";

const SHOWN_FOR_MS = 12_000;

export function notify(message: string, hint = "", kind: "problem" | "news" = "problem"): void {
  const place = document.getElementById("notices")!;
  const notice = el(
    "div",
    { class: `notice ${kind}` },
    el("p", {}, el("strong", {}, message), hint ? ` ${hint}` : ""),
    el("button", { class: "icon", "aria-label": "Dismiss", onclick: () => notice.remove() }, "×"),
  );
  place.append(notice);
  setTimeout(() => notice.remove(), SHOWN_FOR_MS);
}

export function explain(error: unknown): void {
  if (error instanceof ApiError) notify(error.message, error.hint);
  else notify(error instanceof Error ? error.message : String(error));
}
