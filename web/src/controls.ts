// What one does in a conversation: speak, let the agent speak, interrupt it, take its picture away.

import type { Api } from "./api";
import { el } from "./dom";
import { explain } from "./notice";
import type { Conversation } from "./room";

const LANGUAGES: [string, string][] = [
  ["en", "English"],
  ["de", "Deutsch"],
  ["es", "Español"],
  ["fr", "Français"],
  ["it", "Italiano"],
  ["pt", "Português"],
  ["nl", "Nederlands"],
  ["pl", "Polski"],
  ["tr", "Türkçe"],
  ["ru", "Русский"],
  ["ar", "العربية"],
  ["hi", "हिन्दी"],
  ["zh", "中文"],
  ["ja", "日本語"],
];

export function microphoneControl(talking: Conversation): HTMLElement {
  const state = el("span", { "aria-hidden": "true" });
  const problem = el("p", { class: "problem", role: "status", "data-testid": "microphone-problem" });
  const button = el(
    "button",
    {
      class: "microphone",
      role: "switch",
      "data-testid": "microphone",
      onclick: () => void set(button.getAttribute("aria-checked") !== "true"),
    },
    "Microphone ",
    state,
  );
  const show = (isOn: boolean): void => {
    state.textContent = isOn ? "on" : "off";
    button.setAttribute("aria-checked", String(isOn));
  };
  async function set(wanted: boolean): Promise<void> {
    button.disabled = true;
    problem.textContent = "";
    try {
      await talking.setMicrophone(wanted);
      show(wanted);
    } catch (error) {
      problem.textContent = `${microphoneProblem(error)} Until then, type what the agent says.`;
    }
    button.disabled = false;
  }
  show(false);
  void set(true);
  return el("div", { class: "microphone-control" }, button, problem);
}

function microphoneProblem(error: unknown): string {
  if (!window.isSecureContext) {
    return "Browsers give a microphone only to pages on this machine (http://127.0.0.1) or with https: open this one so.";
  }
  if (error instanceof DOMException && error.name === "NotAllowedError") {
    return "The microphone is not allowed: allow it in the address bar, then switch it on here.";
  }
  return "The microphone cannot be used: check that one is connected, then switch it on here.";
}

export interface Interruption {
  button: HTMLElement;
  outcome: HTMLElement;
  interrupt: () => Promise<void>;
}

export function interruption(api: Api, talking: Conversation): Interruption {
  const outcome = el("p", { class: "quiet outcome", role: "status", "data-testid": "interrupted" });
  async function interrupt(): Promise<void> {
    if (!talking.joined) return;
    outcome.textContent = "";
    try {
      const { played_s } = await api.interrupt(talking.joined.session_id);
      outcome.textContent = played_s ? `Interrupted: ${played_s.toFixed(1)} s were heard.` : "Nothing was being said.";
    } catch (error) {
      explain(error);
    }
  }
  const button = el(
    "button",
    {
      type: "button",
      "aria-keyshortcuts": "Escape",
      title: "Be silent now (Escape)",
      "data-testid": "interrupt",
      onclick: () => void interrupt(),
    },
    "Interrupt",
  );
  return { button, outcome, interrupt };
}

export function sayForm(api: Api, talking: Conversation, interruption: Interruption): HTMLElement {
  const text = el("textarea", {
    id: "text",
    rows: 2,
    maxlength: 5000,
    placeholder: "Hello! Nice to meet you.",
    "data-testid": "text",
    onkeydown: (event: KeyboardEvent) => {
      if (event.key === "Enter" && !event.shiftKey) {
        event.preventDefault();
        form.requestSubmit();
      }
    },
  });
  const language = el(
    "select",
    { id: "language", "aria-label": "Language" },
    ...LANGUAGES.map(([tag, name]) => el("option", { value: tag }, name)),
  );
  const button = el("button", { class: "primary", "data-testid": "say" }, "Say");
  const form = el(
    "form",
    {
      class: "say",
      onsubmit: async (event: SubmitEvent) => {
        event.preventDefault();
        if (!text.value.trim() || !talking.joined) return;
        button.disabled = true;
        try {
          await api.speak(talking.joined.session_id, text.value, language.value);
          text.value = "";
        } catch (error) {
          explain(error);
        }
        button.disabled = false;
      },
    },
    el("label", { for: "text" }, "Let it say"),
    text,
    el("div", { class: "row" }, language, button, interruption.button),
    interruption.outcome,
  );
  return form;
}

/** A page cannot make a network worse; it can let the picture not come. */
export function pictureControl(talking: Conversation): HTMLElement {
  const outcome = el("p", { class: "quiet outcome", role: "status", "data-testid": "picture-outcome" });
  let isPaused = false;
  async function toggle(): Promise<void> {
    isPaused = !isPaused;
    button.textContent = isPaused ? "Resume picture" : "Pause picture";
    outcome.textContent = "";
    if (isPaused) return talking.pausePicture();
    const tookMs = await talking.resumePicture();
    if (!isPaused) outcome.textContent = `The picture was back after ${Math.round(tookMs)} ms.`;
  }
  const button = el(
    "button",
    {
      title: "As when nobody watches: the agent sends no picture, and begins again when it is asked for",
      "data-testid": "pause-picture",
      onclick: () => void toggle(),
    },
    "Pause picture",
  );
  return el("div", { class: "picture-control" }, button, outcome);
}
