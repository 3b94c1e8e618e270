// What the session does: as the agent tells it every second, and measured here where it arrives.

import type { Session, SessionStats } from "./api";
import { el, svg } from "./dom";
import type { Measurements } from "./room";

/** After two of its reports are missing, the agent is not there or is not allowed to tell. */
const LIVE_FOR_MS = 2_500;
const MINUTE = 60;

export interface StatsPanel {
  element: HTMLElement;
  /** From the room: what the agent says, as soon as it does. */
  tell: (stats: SessionStats) => void;
  /** Once a second: what the API says, and what was measured here. */
  show: (session: Session, here: Measurements | null) => void;
  /** The figures of now; what has happened stays. */
  clear: () => void;
}

type Row = [name: string, label: string, title: string];

const SUMMARY: Row[] = [
  ["state", "Agent", "Its connection to the room, and since when"],
  ["latency", "Latency", "From sound reaching the agent to its lips shown here"],
  ["fps", "Frames", "Pictures per second that arrive here; a face at rest needs few"],
  ["bitrate", "Bitrate", "Of the picture, as it arrives here"],
  ["rung", "Picture", "What the agent sends, and why it is not the full picture where it is not"],
];

const DETAILS: [string, Row[]][] = [
  [
    "Connection",
    [
      ["round-trip", "Round trip", "From the agent to the server and back"],
      ["loss", "Packet loss", "Share of what the agent sent that did not reach the server"],
      ["sent", "Sent", "By the agent: pictures per second, and picture and sound together"],
      ["available", "Available", "What the agent's network would carry, as far as its transport knows"],
      ["reconnects", "Reconnects", "How often the agent's connection broke and came back"],
      ["restarts", "Restarts", "How often the agent's process died and was started again"],
    ],
  ],
  [
    "Picture",
    [
      ["size", "Size here", "Of the picture that arrives"],
      ["drawn", "Frames drawn", "Since the beginning"],
      ["repeated", "Frames repeated", "Ticks of the agent's clock that needed no new frame"],
      ["late", "Frames late", "Ticks that had no time for their frame"],
      ["strain", "Strain", "Share of the last seconds' ticks without time to draw"],
    ],
  ],
  [
    "Speech",
    [
      ["minute", "Latency, last minute", "Median and 95th percentile, from sound reaching the agent to it leaving"],
      ["queue", "Audio queue", "Sound that was handed over and is not heard yet"],
      ["played", "Said to the end", "Utterances since the beginning"],
      ["interrupted", "Interrupted", "Utterances since the beginning"],
      ["heard", "Agent hears", "Whose microphone moves the lips"],
    ],
  ],
];

/** The API counts them over a whole session, the agent since its process began. */
const COUNTED = [
  "frames_rendered",
  "frames_repeated",
  "ticks_late",
  "segments_played",
  "segments_interrupted",
] as const satisfies (keyof SessionStats)[];

const REASONS: Record<string, string> = { network: "network", cpu: "CPU", unwatched: "nobody watches" };

export function statsPanel(): StatsPanel {
  const values = new Map<string, HTMLElement>();
  const latencyLine = sparkline();
  const bitrateLine = sparkline();
  const lines: Record<string, Sparkline> = { latency: latencyLine, bitrate: bitrateLine };
  const list = (rows: Row[]): HTMLElement =>
    el(
      "dl",
      { class: "stats" },
      ...rows.map(([name, label, title]) => {
        const value = el("dd", { "data-testid": `stat-${name}` }, "–");
        values.set(name, value);
        return el("div", { title }, el("dt", {}, label), lines[name]?.element ?? null, value);
      }),
    );
  const history = el("ol", { class: "history", tabindex: 0, "aria-label": "History", "data-testid": "history" });
  const element = el(
    "section",
    { class: "figures", "aria-label": "Figures", "data-testid": "stats" },
    list(SUMMARY),
    el(
      "details",
      { "data-testid": "details" },
      el("summary", {}, "Details"),
      ...DETAILS.flatMap(([title, rows]) => [el("h2", {}, title), list(rows)]),
      el("h2", {}, "History"),
      history,
    ),
  );
  let live: { stats: SessionStats; at: number } | null = null;
  let session: Session | null = null;
  let events = "";

  const set = (name: string, text: string | null): void => {
    values.get(name)!.textContent = text ?? "–";
  };

  function current(): SessionStats | null {
    const counted = session?.stats ?? null;
    if (!live || performance.now() - live.at > LIVE_FOR_MS) return counted;
    return { ...live.stats, ...(counted && Object.fromEntries(COUNTED.map((name) => [name, counted[name]]))) };
  }

  function showSent(stats: SessionStats | null): void {
    set("round-trip", ms(stats?.round_trip_ms));
    set("loss", stats && percent(stats.packet_loss));
    set("sent", stats && `${Math.round(stats.fps)} fps, ${kbits(stats.bitrate_bps)}`);
    set("available", kbits(stats?.available_bps));
    set("drawn", count(stats?.frames_rendered));
    set("repeated", count(stats?.frames_repeated));
    set("late", count(stats?.ticks_late));
    set("strain", stats && percent(stats.strain));
    const { latency_p50_ms: p50, latency_p95_ms: p95 } = stats ?? {};
    set("minute", p50 == null || p95 == null ? null : `${Math.round(p50)} / ${Math.round(p95)} ms`);
    set("queue", ms(stats?.audio_queue_ms));
    set("played", count(stats?.segments_played));
    set("interrupted", count(stats?.segments_interrupted));
    set("heard", stats && (stats.listening_to ? "you" : "nobody"));
  }

  function showHistory({ connection, picture, crashes }: Session): void {
    const found = [
      ...connection.history.map(({ at, state, reason }) => ({ at, text: because(state, reason) })),
      ...(picture?.history ?? []).map(({ at, rung, reason }) => ({ at, text: `picture ${rungText(rung, reason)}` })),
      ...crashes.map(({ at, exit, back_after_s: s }) => ({
        at,
        text: `process died: ${exit}${s == null ? "" : `, back after ${s.toFixed(1)} s`}`,
      })),
    ].sort((one, other) => Date.parse(other.at) - Date.parse(one.at));
    const news = JSON.stringify(found);
    if (news === events) return;
    events = news;
    history.replaceChildren(...found.map(({ at, text }) => el("li", {}, el("time", { datetime: at }, time(at)), text)));
  }

  return {
    element,
    tell: (stats) => {
      live = { stats, at: performance.now() };
      set("rung", rungText(stats.rung, stats.rung_reason));
      showSent(current());
    },
    show: (shown, here) => {
      session = shown;
      const stats = current();
      const { state, since, history: states } = shown.connection;
      set("state", `${state} since ${time(since)}`);
      const waitsMs = here?.jitterBufferMs;
      const latencyMs = stats && waitsMs != null ? stats.latency_ms + (stats.round_trip_ms ?? 0) / 2 + waitsMs : null;
      set("latency", ms(latencyMs));
      set("fps", here?.fps == null ? null : `${Math.round(here.fps)} fps`);
      set("bitrate", kbits(here?.bitrateBps));
      latencyLine.add(latencyMs);
      bitrateLine.add(here?.bitrateBps ?? null);
      const broken = states.filter((entry) => entry.state === "reconnecting" && entry.reason !== "crashed");
      set("reconnects", count(broken.length));
      set("restarts", count(shown.restarts));
      set("size", here?.width ? `${here.width} × ${here.height}` : null);
      // The API knows of a new rung at once; over a thin link, messages are late or lost.
      const { picture } = shown;
      if (picture) set("rung", rungText(picture.rung, picture.reason));
      showSent(stats);
      showHistory(shown);
    },
    clear: () => {
      live = session = null;
      values.forEach((value) => (value.textContent = "–"));
      latencyLine.clear();
      bitrateLine.clear();
    },
  };
}

interface Sparkline {
  element: SVGElement;
  add: (value: number | null) => void;
  clear: () => void;
}

/** The last minute as a line above zero; the figure beside it says how much it is. */
function sparkline(): Sparkline {
  let values: (number | null)[] = [];
  const path = svg("path", { "vector-effect": "non-scaling-stroke" });
  const draw = (): void => {
    const top = Math.max(1, ...values.map((value) => value ?? 0)) * 1.1;
    const first = MINUTE - values.length;
    const points = values.map((value, i) =>
      value === null ? "" : `${values[i - 1] == null ? "M" : "L"}${first + i} ${(20 * (1 - value / top)).toFixed(1)}`,
    );
    path.setAttribute("d", points.join(""));
  };
  return {
    element: svg(
      "svg",
      { class: "spark", viewBox: `0 0 ${MINUTE} 20`, preserveAspectRatio: "none", "aria-hidden": "true" },
      path,
    ),
    add: (value) => {
      values = [...values, value].slice(-MINUTE);
      draw();
    },
    clear: () => {
      values = [];
      draw();
    },
  };
}

type Maybe = number | null | undefined;

const ms = (value: Maybe): string | null =>
  value == null ? null : `${value && value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
const kbits = (bps: Maybe): string | null => (bps == null ? null : `${Math.round(bps / 1000)} kbit/s`);
const count = (value: Maybe): string | null => (value == null ? null : value.toLocaleString("en"));
const percent = (share: number): string => `${(100 * share).toFixed(share && share < 0.1 ? 1 : 0)} %`;
const time = (at: string): string => new Date(at).toLocaleTimeString([], { timeStyle: "medium" });
const because = (what: string, why: string): string => (why ? `${what}: ${why.replaceAll("_", " ")}` : what);

/** `256x256@12` for people. */
function rungText(rung: string, reason: string): string {
  return because(rung.replace(/^(\d+)x(\d+)@(\d+)$/, "$1 × $2, $3 fps"), REASONS[reason] ?? reason);
}
