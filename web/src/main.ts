// The page: one view at a time, chosen by the address after `#`.

import "./style.css";

import { Api, ApiError, findKey, forgetKey, rememberKey } from "./api";
import { el, type View } from "./dom";
import { gallery } from "./gallery";
import { notify } from "./notice";
import { talk } from "./talk";

const place = document.getElementById("view")!;
let current: View | null = null;

function show(view: View): void {
  current?.close();
  current = view;
  place.replaceChildren(view.element);
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
  return { element: form, close: () => undefined };
}

async function start(): Promise<void> {
  const key = await findKey();
  if (!key) return show(askForKey());
  const api = new Api(key);
  try {
    await api.agents();
  } catch (error) {
    if (error instanceof ApiError && error.code === "key_refused") {
      forgetKey();
      notify(error.message);
      return show(askForKey());
    }
  }
  window.onhashchange = () => route(api);
  route(api);
}

void start();
