// Talking to one agent: its picture, the microphone, a text to say, and what the connection does.

import { ConnectionState } from "livekit-client";

import { ApiError, type Agent, type Api, type Session } from "./api";
import { el, type View } from "./dom";
import { explain, notify } from "./notice";
import { Conversation } from "./room";
import { statsPanel } from "./stats";

const POLL_MS = 1_000;

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

export function talk(api: Api, agentId: string): View {
  const title = el("h1");
  const status = el("p", { class: "connection", role: "status", "data-testid": "connection" }, "Starting …");
  const stage = el("div", { class: "stage", "data-testid": "stage" });
  const stats = statsPanel();
  const controls = el("div", { class: "controls" });
  const element = el(
    "div",
    { class: "talk" },
    el("div", { class: "heading" }, el("a", { href: "#/", class: "quiet" }, "← Agents"), title, status),
    el("div", { class: "room" }, stage, el("aside", { class: "card side" }, controls, stats.element)),
  );

  let conversation: Conversation | null = null;
  let timer = 0;
  let closed = false;

  const say = (text: string, kind = ""): void => {
    status.textContent = text;
    status.dataset["kind"] = kind;
  };

  async function begin(): Promise<void> {
    say("Starting …");
    stage.replaceChildren(el("div", { class: "waiting" }, el("span", { class: "spinner" }), "The agent is on its way"));
    controls.replaceChildren(leaveButton());
    let agent: Agent;
    try {
      agent = await api.agent(agentId);
    } catch (error) {
      return end(error);
    }
    if (closed) return;
    title.textContent = agent.name;
    document.title = `${agent.name} – visavis Studio`;
    const talking = (conversation = new Conversation(api, agentId, agent.name, {
      state: (state) => say(...connectionText(state)),
      video: (video) => {
        video.dataset["testid"] = "agent-video";
        video.muted = true;
        stage.querySelector(".waiting")?.remove();
        stage.prepend(video);
      },
      audio: (audio) => {
        audio.dataset["testid"] = "agent-audio";
        element.append(audio);
      },
      soundBlocked: (isBlocked) => {
        stage.querySelector(".sound")?.remove();
        if (isBlocked) stage.append(soundButton(talking));
      },
      agentLeft: () => void look(talking),
      disconnected: () => void lose(talking),
    }));
    try {
      await talking.start();
    } catch (error) {
      await talking.close();
      return end(error);
    }
    if (closed) return void talking.close();
    for (const warning of talking.joined?.warnings ?? []) notify(warning.message, "", "news");
    if (talking.room.state === ConnectionState.Disconnected) return lose(talking);
    controls.replaceChildren(microphoneControl(talking), sayForm(api, talking), leaveButton());
    timer = window.setTimeout(() => void poll(talking), POLL_MS);
  }

  async function poll(talking: Conversation): Promise<void> {
    await look(talking);
    if (!closed && talking === conversation && talking.joined) {
      timer = window.setTimeout(() => void poll(talking), POLL_MS);
    }
  }

  /** Shows how the session is; where it is over, why. */
  async function look(talking: Conversation): Promise<void> {
    if (!talking.joined) return;
    let session: Session;
    try {
      session = await api.session(talking.joined.session_id);
    } catch (error) {
      return say(error instanceof ApiError ? error.message : String(error), "bad");
    }
    if (closed || talking !== conversation) return;
    stats.show(session.stats, await talking.measure(), talking.room.state);
    if (["ended", "failed", "lost"].includes(session.state)) {
      await talking.close();
      end(new ApiError(session.reason ?? "", "The conversation has ended.", session.message ?? ""));
    } else if (session.state === "reconnecting") {
      say("The agent is reconnecting …", "bad");
    } else if (talking.room.state === ConnectionState.Connected) {
      say(...connectionText(talking.room.state));
    }
  }

  function end(error: unknown): void {
    if (closed) return;
    clearTimeout(timer);
    conversation = null;
    const problem = error instanceof ApiError ? error : new ApiError("", String(error), "");
    say("Not connected", "bad");
    controls.replaceChildren();
    stats.clear();
    if (!title.textContent) title.textContent = "Talk";
    stage.replaceChildren(
      el(
        "div",
        { class: "waiting", "data-testid": "ended" },
        el("p", {}, el("strong", {}, problem.message), problem.hint ? ` ${problem.hint}` : ""),
        el("button", { class: "primary", onclick: () => void begin() }, "Talk again"),
      ),
    );
  }

  /** This browser is out of the room and was not asked to be. */
  async function lose(talking: Conversation): Promise<void> {
    await look(talking);
    if (closed || talking !== conversation) return;
    await talking.close();
    end(new ApiError("disconnected", "The connection to the room is lost.", ""));
  }

  function leaveButton(): HTMLElement {
    const leave = async (): Promise<void> => {
      await conversation?.close();
      location.hash = "#/";
    };
    return el("button", { class: "leave", "data-testid": "leave", onclick: leave }, "Leave");
  }

  const onHide = (): void => conversation?.abandon();
  const onShow = (event: PageTransitionEvent): void => {
    if (event.persisted) end(new ApiError("left", "You left this conversation.", ""));
  };
  window.addEventListener("pagehide", onHide);
  window.addEventListener("pageshow", onShow);
  void begin();
  return {
    title: "Talk",
    element,
    close: () => {
      closed = true;
      clearTimeout(timer);
      window.removeEventListener("pagehide", onHide);
      window.removeEventListener("pageshow", onShow);
      void conversation?.close();
      conversation = null;
    },
  };
}

function connectionText(state: ConnectionState): [string, string] {
  switch (state) {
    case ConnectionState.Connected:
      return ["Connected", "good"];
    case ConnectionState.Connecting:
      return ["Connecting …", ""];
    case ConnectionState.Reconnecting:
    case ConnectionState.SignalReconnecting:
      return ["Reconnecting …", "bad"];
    case ConnectionState.Disconnected:
      return ["Not connected", "bad"];
  }
}

function microphoneControl(talking: Conversation): HTMLElement {
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

function sayForm(api: Api, talking: Conversation): HTMLElement {
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
    el(
      "div",
      { class: "row" },
      language,
      el(
        "div",
        { class: "row pair" },
        button,
        el(
          "button",
          {
            type: "button",
            "data-testid": "interrupt",
            onclick: () => void (talking.joined && api.interrupt(talking.joined.session_id).catch(explain)),
          },
          "Stop",
        ),
      ),
    ),
  );
  return form;
}

/** Browsers keep a page silent until somebody has clicked in it. */
function soundButton(talking: Conversation): HTMLElement {
  const button = el(
    "button",
    {
      class: "primary sound",
      onclick: async () => {
        await talking.allowSound();
        button.remove();
      },
    },
    "Turn sound on",
  );
  return button;
}
