// What the connection does: measured here where it arrives, and by the agent where it leaves.

import type { ConnectionState } from "livekit-client";

import type { SessionStats } from "./api";
import { el } from "./dom";
import type { Measurements } from "./room";

export interface StatsPanel {
  element: HTMLElement;
  clear: () => void;
  show: (session: SessionStats | null, here: Measurements | null, state: ConnectionState) => void;
}

export function statsPanel(): StatsPanel {
  const values = new Map<string, HTMLElement>();
  const rows = [
    ["state", "Connection", "This browser's connection to the room"],
    ["latency", "Latency", "From sound reaching the agent to its lips shown here"],
    ["round-trip", "Round trip", "From the agent to the server and back"],
    ["fps", "Frames", "Pictures per second that arrive here"],
    ["bitrate", "Bitrate", "Of the picture, as it arrives here"],
    ["sent", "Sent", "What the agent sends: pictures per second, and picture and sound together"],
    ["size", "Picture", "Its size"],
    ["heard", "Agent hears", "Whose microphone moves the lips"],
  ] as const;
  const element = el("dl", { class: "stats", "data-testid": "stats" });
  for (const [name, label, title] of rows) {
    const value = el("dd", { "data-testid": `stat-${name}` }, "–");
    values.set(name, value);
    element.append(el("div", { title }, el("dt", {}, label), value));
  }
  const set = (name: string, text: string): void => {
    values.get(name)!.textContent = text;
  };
  return {
    element,
    clear: () => values.forEach((value) => (value.textContent = "–")),
    show: (session, here, state) => {
      set("state", state);
      const onTheWay = (session?.round_trip_ms ?? 0) / 2 + (here?.jitterBufferMs ?? 0);
      set("latency", session ? `${Math.round(session.latency_ms + onTheWay)} ms` : "–");
      set("fps", here?.fps == null ? "–" : `${Math.round(here.fps)} fps`);
      set("bitrate", here?.bitrateBps == null ? "–" : `${Math.round(here.bitrateBps / 1000)} kbit/s`);
      set("round-trip", session?.round_trip_ms == null ? "–" : `${Math.round(session.round_trip_ms)} ms`);
      set("sent", session ? `${Math.round(session.fps)} fps, ${Math.round(session.bitrate_bps / 1000)} kbit/s` : "–");
      set("size", here?.width ? `${here.width} × ${here.height}` : "–");
      set("heard", session?.listening_to ? "you" : "nobody");
    },
  };
}
