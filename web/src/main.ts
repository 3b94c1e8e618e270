// The page: one view at a time, chosen by the address after `#`.

import "./style.css";

import { Api, ApiError, findKey, forgetKey, rememberKey } from "./api";
import { el, sleep, type View } from "./dom";
import { gallery } from "./gallery";
import { explain, notify } from "./notice";
import { talk } from "./talk";

const RETRY_MS = 2_000;

const place = document.getElementById("view")!;
let current: View | null = null;

function show(view: View): void {
  const isFirst = current === null;
  current?.close();
  current = view;
  document.title = `${view.title} – visavis Studio`;
  place.replaceChildren(view.element);
  // Who cannot see that the page is another one is told, and goes on from its top.
  if (!isFirst) {
    const heading = view.element.querySelector("h1");
    heading?.setAttribute("tabindex", "-1");
    heading?.focus();
  }
}

function route(api: Api): void {
  const talking = /^#\/talk\/([\w-]+)$/.exec(location.hash);
  show(talking ? talk(api, talking[1]!) : gallery(api));
}

/** Asks for the key where the server does not hand it out: the page was opened from another machine. */
function askForKey(): View {
  const input = el("input", { id: "key", type: "password", autocomplete: "off", required: true });
  const form = el(
    "form",
    {
      class: "card ask-key",
      onsubmit: (event: SubmitEvent) => {
        event.preventDefault();
        rememberKey(input.value.trim());
        void start();
      },
    },
    el("h1", {}, "API key"),
    el(
      "p",
      {},
      "This page was not opened on the machine that runs visavis. Its key is in the data folder, in keys.json.",
    ),
    el("label", { for: "key" }, "Key"),
    input,
    el("button", { class: "primary" }, "Continue"),
  );
  return { title: "API key", element: form, close: () => undefined };
}

async function start(): Promise<void> {
  let api: Api;
  try {
    const key = await findKey();
    if (!key) return show(askForKey());
    api = new Api(key);
    await api.agents();
  } catch (error) {
    if (error instanceof ApiError && error.code === "key_refused") {
      forgetKey();
      notify(error.message);
      return show(askForKey());
    }
    const unexplain = explain(error);
    await sleep(RETRY_MS);
    unexplain();
    return start();
  }
  window.onhashchange = () => route(api);
  route(api);
}

// A photo dropped beside the form must not replace the page.
for (const type of ["dragover", "drop"]) window.addEventListener(type, (event) => event.preventDefault());

void start();
