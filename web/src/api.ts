// The API as this page uses it. Every failure becomes an ApiError with the server's message and hint.

export interface ErrorBody {
  code: string;
  message: string;
  hint: string;
}

export interface Note {
  code: string;
  message: string;
}

export interface Agent {
  agent_id: string;
  name: string;
  status: "processing" | "ready" | "failed";
  progress: number;
  step: string;
  error: ErrorBody | null;
  notes: Note[];
  /** Of the photo, 0 to 100; the notes say why it is not better. */
  quality: number | null;
  demo: boolean;
}

/** The last second, as the API and the data message `visavis.stats` tell it; docs/api.md says what each one is. */
export interface SessionStats {
  round_trip_ms: number | null;
  packet_loss: number;
  bitrate_bps: number;
  available_bps: number | null;
  fps: number;
  rung: string;
  rung_reason: string;
  strain: number;
  frames_rendered: number;
  frames_repeated: number;
  ticks_late: number;
  latency_ms: number;
  latency_p50_ms: number | null;
  latency_p95_ms: number | null;
  audio_queue_ms: number;
  segments_played: number;
  segments_interrupted: number;
  speaking: boolean;
  listening_to: string | null;
}

export type State = "joining" | "connected" | "reconnecting" | "leaving" | "ended" | "failed" | "lost";

export interface Session {
  session_id: string;
  agent_id: string;
  state: State;
  reason: string | null;
  message: string | null;
  identity: string;
  connection: { state: State; since: string; history: { at: string; state: State; reason: string }[] };
  picture: { rung: string; reason: string; history: { at: string; rung: string; reason: string }[] } | null;
  stats: SessionStats | null;
  restarts: number;
  crashes: { at: string; exit: string; back_after_s: number | null }[];
}

export interface Invitation {
  room_url: string;
  room_token: string;
  participant_name: string;
  idle_timeout_s: number;
}

export interface Joined {
  participant_id: string;
  session_id: string;
  warnings: Note[];
}

export interface RoomToken {
  server_url: string;
  participant_token: string;
}

export class ApiError extends Error {
  constructor(
    readonly code: string,
    message: string,
    readonly hint: string,
  ) {
    super(message);
  }
}

export class Api {
  constructor(private readonly key: string) {}

  agents = async (): Promise<Agent[]> => (await this.get<{ agents: Agent[] }>("/v1/agents")).agents;

  agent = (id: string): Promise<Agent> => this.get(`/v1/agents/${encodeURIComponent(id)}`);

  createAgent(portrait: File, name: string): Promise<Agent> {
    const form = new FormData();
    form.append("portrait", portrait);
    form.append("name", name);
    return this.ask("POST", "/v1/agents", form);
  }

  deleteAgent = (id: string): Promise<unknown> => this.ask("DELETE", `/v1/agents/${encodeURIComponent(id)}`);

  /** The agent's picture as an object URL: the route needs the key, which an <img> cannot send. */
  async picture(id: string): Promise<string> {
    const response = await this.send("GET", `/v1/agents/${encodeURIComponent(id)}/portrait`);
    return URL.createObjectURL(await response.blob());
  }

  roomToken = (room: string, identity: string, name: string): Promise<RoomToken> =>
    this.ask("POST", "/v1/room-tokens", {
      room_name: room,
      participant_identity: identity,
      participant_name: name,
    });

  join = (agentId: string, invitation: Invitation) =>
    this.ask<Joined>("POST", `/v1/agents/${encodeURIComponent(agentId)}/join-room`, invitation);

  leave = (agentId: string, sessionId: string): Promise<unknown> =>
    this.ask("POST", `/v1/agents/${encodeURIComponent(agentId)}/leave-room`, { session_id: sessionId });

  /** The same from a page that is closing: the request outlives it. */
  leaveOnClose(agentId: string, sessionId: string): void {
    void fetch(`/v1/agents/${encodeURIComponent(agentId)}/leave-room`, {
      method: "POST",
      keepalive: true,
      headers: { Authorization: `Bearer ${this.key}`, "Content-Type": "application/json" },
      body: JSON.stringify({ session_id: sessionId }),
    });
  }

  session = (id: string): Promise<Session> => this.get(`/v1/sessions/${id}`);

  speak = (id: string, text: string, language: string): Promise<unknown> =>
    this.ask("POST", `/v1/sessions/${id}/speak`, { text, language });

  /** Silence; how much of what was being said was heard. */
  interrupt = (id: string): Promise<{ played_s: number }> => this.ask("POST", `/v1/sessions/${id}/interrupt`);

  private get = <T>(path: string): Promise<T> => this.ask("GET", path);

  private async ask<T>(method: string, path: string, body?: FormData | object): Promise<T> {
    return (await this.send(method, path, body)).json() as Promise<T>;
  }

  private async send(method: string, path: string, body?: FormData | object): Promise<Response> {
    const headers: Record<string, string> = { Authorization: `Bearer ${this.key}` };
    const request: RequestInit = { method, headers };
    if (body instanceof FormData) {
      request.body = body;
    } else if (body) {
      headers["Content-Type"] = "application/json";
      request.body = JSON.stringify(body);
    }
    let response: Response;
    try {
      response = await fetch(path, request);
    } catch {
      throw unreachable();
    }
    if (response.ok) return response;
    const answer = (await response.json().catch(() => null)) as { error?: ErrorBody } | null;
    throw new ApiError(
      answer?.error?.code ?? "unknown",
      answer?.error?.message ?? `visavis answered with HTTP ${response.status}.`,
      answer?.error?.hint ?? "",
    );
  }
}

function unreachable(): ApiError {
  return new ApiError("unreachable", "visavis does not answer.", "Check that it still runs.");
}

const KEY_ITEM = "visavis-api-key";

/** The key that the server hands to pages on its own machine; elsewhere, the one that was typed in. */
export async function findKey(): Promise<string | null> {
  const response = await fetch("/studio-config.json").catch(() => {
    throw unreachable();
  });
  if (response.ok) return ((await response.json()) as { api_key: string }).api_key;
  return sessionStorage.getItem(KEY_ITEM);
}

export const rememberKey = (key: string): void => sessionStorage.setItem(KEY_ITEM, key);
export const forgetKey = (): void => sessionStorage.removeItem(KEY_ITEM);
