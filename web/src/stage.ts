// Where the agent is seen: its video, and over it what there is to say about the picture.

import { el } from "./dom";
import type { Absence } from "./room";

export type Trouble = Absence | "away";

const TROUBLES: Record<Trouble, [string, string]> = {
  paused: ["Picture paused", "The agent is still heard."],
  here: ["Audio only: your network", "The way to this browser is too thin for the picture."],
  still: ["The picture stands still", "None arrives at present: the network is too thin, here or at the agent."],
  network: ["Audio only: network", "The agent's network is too thin for a picture. It comes back by itself."],
  cpu: ["Audio only: CPU", "The agent's machine has no time to draw. The picture comes back by itself."],
  muted: ["Audio only", "The agent sends no picture at present."],
  away: ["The agent is coming back …", "Its connection to the room broke."],
};

export interface Stage {
  element: HTMLElement;
  /** Nothing but this: before the conversation and after it. */
  fill: (...contents: Node[]) => void;
  showFace: (video: HTMLVideoElement, audio: HTMLAudioElement) => void;
  showTrouble: (trouble: Trouble | null) => void;
  /** Offers to turn the sound on: browsers keep a page silent until somebody has clicked in it. */
  offerSound: (turnOn: (() => Promise<void>) | null) => void;
}

export function stage(): Stage {
  const contents = el("div", { class: "contents" });
  // Empty rather than absent while there is nothing to say: what is announced must be there before.
  const notice = el("div", { class: "trouble", role: "status", "data-testid": "picture-notice" });
  const sound = el("div", { class: "sound" });
  let shown: Trouble | null = null;

  function showTrouble(trouble: Trouble | null): void {
    if (trouble === shown) return;
    shown = trouble;
    notice.replaceChildren();
    if (!trouble) return;
    const [title, text] = TROUBLES[trouble];
    notice.append(el("strong", {}, title), el("span", {}, text));
  }

  return {
    element: el("div", { class: "stage", "data-testid": "stage" }, contents, notice, sound),
    fill: (...nodes) => {
      contents.replaceChildren(...nodes);
      sound.replaceChildren();
      showTrouble(null);
    },
    showFace: (video, audio) => {
      if (video.parentElement !== contents) contents.replaceChildren(video, audio);
    },
    showTrouble,
    offerSound: (turnOn) => {
      const button = turnOn && el("button", { class: "primary", onclick: () => void turnOn() }, "Turn sound on");
      sound.replaceChildren(...(button ? [button] : []));
    },
  };
}
