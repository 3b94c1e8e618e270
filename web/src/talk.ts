// Talking to one agent: its picture, the microphone, a text to say, and what the connection does.

import { ConnectionState } from "livekit-client";

import { ApiError, type Agent, type Api, type Session } from "./api";
import { interruption, microphoneControl, pictureControl, sayForm, type Interruption } from "./controls";
import { el, type View } from "./dom";
import { notify } from "./notice";
import { type Absence, Conversation } from "./room";
import { stage } from "./stage";
import { statsPanel } from "./stats";

const POLL_MS = 1_000;

export function talk(api: Api, agentId: string): View {
  const title = el("h1");
  const status = el("p", { class: "connection", role: "status", "data-testid": "connection" }, "Starting …");
  const picture = stage();
  const stats = statsPanel();
  const controls = el("div", { class: "controls" });
  const element = el(
    "div",
    { class: "talk" },
    el("div", { class: "heading" }, el("a", { href: "#/", class: "quiet" }, "← Agents"), title, status),
    el("div", { class: "room" }, picture.element, el("aside", { class: "card side" }, controls, stats.element)),
  );

  let conversation: Conversation | null = null;
  let interrupting: Interruption | null = null;
  let portrait: string | null = null;
  let absence: Absence | null = null;
  let isAway = false;
  let timer = 0;
  let closed = false;

  const say = (text: string, kind = ""): void => {
    status.textContent = text;
    status.dataset["kind"] = kind;
  };

  async function begin(): Promise<void> {
    say("Starting …");
    picture.fill(el("div", { class: "waiting" }, el("span", { class: "spinner" }), "The agent is on its way"));
    controls.replaceChildren(leaveButton());
    let agent: Agent;
    try {
      [agent, portrait] = await Promise.all([api.agent(agentId), portrait ?? api.picture(agentId).catch(() => null)]);
    } catch (error) {
      return end(error);
    }
    if (closed) return;
    title.textContent = agent.name;
    document.title = `${agent.name} – visavis Studio`;
    const talking = (conversation = new Conversation(api, agentId, agent.name, {
      state: (state) => say(...connectionText(state)),
      stats: stats.tell,
      absence: (now) => {
        absence = now;
        showTrouble(talking);
      },
      soundBlocked: (isBlocked) => picture.offerSound(isBlocked ? talking.allowSound : null),
      agentLeft: () => void look(talking),
      disconnected: () => void lose(talking),
    }));
    talking.video.poster = portrait ?? "";
    talking.video.addEventListener("loadeddata", () => picture.showFace(talking.video, talking.audio));
    try {
      await talking.start();
    } catch (error) {
      await talking.close();
      return end(error);
    }
    if (closed) return void talking.close();
    for (const warning of talking.joined?.warnings ?? []) notify(warning.message, "", "news");
    if (talking.room.state === ConnectionState.Disconnected) return lose(talking);
    interrupting = interruption(api, talking);
    controls.replaceChildren(
      microphoneControl(talking),
      sayForm(api, talking, interrupting),
      pictureControl(talking),
      leaveButton(),
    );
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
    stats.show(session, await talking.measure());
    isAway = session.state === "reconnecting";
    showTrouble(talking);
    if (["ended", "failed", "lost"].includes(session.state)) {
      await talking.close();
      end(new ApiError(session.reason ?? "", "The conversation has ended.", session.message ?? ""));
    } else if (isAway) {
      say("The agent is reconnecting …", "bad");
    } else if (talking.room.state === ConnectionState.Connected) {
      say(...connectionText(talking.room.state));
    }
  }

  function showTrouble(talking: Conversation): void {
    const trouble = isAway ? "away" : absence;
    if (talking !== conversation) return;
    // Where the picture has been missing from the beginning, there is a portrait to look at.
    if (trouble) picture.showFace(talking.video, talking.audio);
    picture.showTrouble(trouble);
  }

  function end(error: unknown): void {
    if (closed) return;
    clearTimeout(timer);
    conversation = interrupting = absence = null;
    isAway = false;
    const problem = error instanceof ApiError ? error : new ApiError("", String(error), "");
    say("Not connected", "bad");
    controls.replaceChildren();
    stats.clear();
    if (!title.textContent) title.textContent = "Talk";
    picture.fill(
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
  const onKey = (event: KeyboardEvent): void => {
    if (event.key === "Escape" && !event.isComposing) void interrupting?.interrupt();
  };
  window.addEventListener("pagehide", onHide);
  window.addEventListener("pageshow", onShow);
  document.addEventListener("keydown", onKey);
  void begin();
  return {
    title: "Talk",
    element,
    close: () => {
      closed = true;
      clearTimeout(timer);
      window.removeEventListener("pagehide", onHide);
      window.removeEventListener("pageshow", onShow);
      document.removeEventListener("keydown", onKey);
      if (portrait) URL.revokeObjectURL(portrait);
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
