// All agents, and how to make one.

import type { Agent, Api } from "./api";
import { el, icon, TRASH, type View } from "./dom";
import { newAgent } from "./new-agent";
import { explain } from "./notice";

const POLL_MS = 700;
const QUIET_POLL_MS = 5_000;

export function gallery(api: Api): View {
  const grid = el("div", { class: "grid", "data-testid": "agents" });
  const cards = new Map<string, { agent: Agent; element: HTMLElement }>();
  const pictures = new Map<string, string>();
  const waiting = el("p", { class: "quiet" }, "Looking for agents …");
  let unexplain = (): void => undefined;
  let timer = 0;
  let closed = false;

  async function refresh(): Promise<void> {
    clearTimeout(timer);
    let isBusy = false;
    try {
      const agents = await api.agents();
      if (closed) return;
      unexplain();
      waiting.textContent = agents.length ? "" : "There are none. Make the first from a photo or a clip.";
      isBusy = agents.some((agent) => agent.status === "processing");
      for (const [id, card] of cards) {
        if (!agents.some((agent) => agent.agent_id === id)) {
          card.element.remove();
          cards.delete(id);
        }
      }
      for (const agent of agents) place(agent);
    } catch (error) {
      if (!closed) unexplain = explain(error);
    }
    if (!closed) timer = window.setTimeout(refresh, isBusy ? POLL_MS : QUIET_POLL_MS);
  }

  function place(agent: Agent): void {
    const old = cards.get(agent.agent_id);
    if (old && JSON.stringify(old.agent) === JSON.stringify(agent)) return;
    const element = agentCard(agent);
    if (old) old.element.replaceWith(element);
    else grid.append(element);
    cards.set(agent.agent_id, { agent, element });
  }

  function agentCard(agent: Agent): HTMLElement {
    const picture = el("div", { class: "picture" });
    if (agent.status === "ready") void showPicture(agent, picture);
    const label = el("div", { class: "about" }, el("h2", {}, agent.name), state(agent));
    return el(
      "article",
      {
        class: `card agent ${agent.status}`,
        "data-testid": `agent-${agent.agent_id}`,
        "data-status": agent.status,
      },
      picture,
      label,
      el(
        "div",
        { class: "actions" },
        agent.status === "ready"
          ? el(
              "a",
              { class: "button primary", href: `#/talk/${agent.agent_id}`, "aria-label": `Talk with ${agent.name}` },
              "Talk",
            )
          : null,
        agent.status !== "processing"
          ? el(
              "button",
              {
                class: "bare",
                "aria-label": `Delete ${agent.name}`,
                title: "Delete",
                onclick: () => remove(agent),
              },
              icon(TRASH),
            )
          : null,
      ),
    );
  }

  async function showPicture(agent: Agent, place: HTMLElement): Promise<void> {
    try {
      let url = pictures.get(agent.agent_id);
      if (!url) {
        url = await api.picture(agent.agent_id);
        pictures.set(agent.agent_id, url);
      }
      place.replaceChildren(el("img", { src: url, alt: `Portrait of ${agent.name}` }));
    } catch {
      // Without a picture the card still works; the next visit tries again.
    }
  }

  async function remove(agent: Agent): Promise<void> {
    if (!confirm(`Delete ${agent.name}? Its rooms are left and its files removed.`)) return;
    try {
      await api.deleteAgent(agent.agent_id);
    } catch (error) {
      explain(error);
    }
    await refresh();
  }

  const making = newAgent(api, () => void refresh());
  const element = el(
    "div",
    { class: "gallery" },
    el("h1", {}, "Agents"),
    el(
      "p",
      { class: "lead" },
      "One photo or clip each. Talk to one: it joins a room with you, listens, and moves its lips.",
    ),
    el("div", { class: "columns" }, el("section", { "aria-label": "Agents" }, waiting, grid), making),
  );
  void refresh();
  return {
    title: "Agents",
    element,
    close: () => {
      closed = true;
      clearTimeout(timer);
      unexplain();
      pictures.forEach((url) => URL.revokeObjectURL(url));
    },
  };
}

function state(agent: Agent): HTMLElement {
  if (agent.status === "processing") return progressOf(agent);
  if (agent.error) {
    return el("p", { class: "refusal" }, el("strong", {}, agent.error.message), ` ${agent.error.hint}`);
  }
  // What is wrong with a demo's photo is nothing its viewer can do about.
  if (agent.demo) return el("p", { class: "quiet" }, "Demo agent");
  return el(
    "div",
    { class: "quiet" },
    el("p", {}, agent.quality === null ? "Ready" : qualityOf(agent.quality)),
    agent.notes.length
      ? el(
          "details",
          {},
          el("summary", {}, agent.notes.length === 1 ? "1 finding" : `${agent.notes.length} findings`),
          ...agent.notes.map((note) => el("p", {}, note.message)),
        )
      : null,
  );
}

export function qualityOf(quality: number): string {
  return `Picture quality ${Math.round(quality)} of 100`;
}

export function progressOf(agent: Agent): HTMLElement {
  return el(
    "div",
    { class: "progress" },
    el("progress", { max: 1, value: agent.progress, "aria-label": "Building the agent" }),
    el("span", { class: "quiet" }, `${agent.step} · ${Math.round(agent.progress * 100)} %`),
  );
}
