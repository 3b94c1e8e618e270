// A room with one agent in it, as a plain LiveKit client sees it.

import {
  ConnectionState,
  type RemoteTrack,
  type RemoteTrackPublication,
  type RemoteParticipant,
  Room,
  RoomEvent,
  Track,
} from "livekit-client";

import type { Api, Joined, SessionStats } from "./api";
import { el } from "./dom";

export interface Measurements {
  fps: number | null;
  bitrateBps: number | null;
  jitterBufferMs: number | null;
  width: number;
  height: number;
}

/** Why no new picture is seen, while somebody might look. */
export type Absence = "paused" | "here" | "still" | "network" | "cpu" | "muted";

export interface RoomEvents {
  state: (state: ConnectionState) => void;
  stats: (stats: SessionStats) => void;
  absence: (absence: Absence | null) => void;
  soundBlocked: (isBlocked: boolean) => void;
  agentLeft: () => void;
  disconnected: () => void;
}

/** Even a face at rest has two frames a second. */
const STILL_MEASURES = 2;

const STATS_TOPIC = "visavis.stats";
const RUNG_REASON = "visavis.rung_reason";

/** A browser that dies without a word leaves the agent alone for this long; one that only reconnects is back by then. */
const IDLE_TIMEOUT_S = 20;

const random = (): string => crypto.getRandomValues(new Uint32Array(2)).join("-");

/** A conversation: this browser and an agent in a room of their own. */
export class Conversation {
  readonly room = new Room({
    adaptiveStream: false,
    dynacast: true,
    audioCaptureDefaults: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
  });
  readonly video = el("video", { playsinline: true, "data-testid": "agent-video" });
  readonly audio = el("audio", { "data-testid": "agent-audio" });
  joined: Joined | null = null;
  private isPaused = false;
  private told: SessionStats | null = null;
  private readonly name = `studio-${random()}`;
  private readonly identity = `person-${random()}`;
  private readonly agentIdentity = `agent-${random()}`;
  private picture: RemoteTrackPublication | null = null;
  private last: { bytes: number; at: number; delay: number; emitted: number; frames: number } | null = null;
  private stillMeasures = 0;

  constructor(
    private readonly api: Api,
    private readonly agentId: string,
    private readonly agentName: string,
    private readonly events: RoomEvents,
  ) {
    this.room
      .on(RoomEvent.ConnectionStateChanged, events.state)
      .on(RoomEvent.TrackSubscribed, (track, publication, participant) => this.show(track, publication, participant))
      .on(RoomEvent.TrackMuted, () => this.tellAbsence())
      .on(RoomEvent.TrackUnmuted, () => this.tellAbsence())
      .on(RoomEvent.TrackStreamStateChanged, () => this.tellAbsence())
      .on(RoomEvent.ParticipantAttributesChanged, () => this.tellAbsence())
      .on(RoomEvent.DataReceived, (payload, participant, _kind, topic) => {
        if (topic !== STATS_TOPIC || participant?.identity !== this.agentIdentity) return;
        this.told = JSON.parse(new TextDecoder().decode(payload)) as SessionStats;
        events.stats(this.told);
        this.tellAbsence();
      })
      .on(RoomEvent.AudioPlaybackStatusChanged, () => events.soundBlocked(!this.room.canPlaybackAudio))
      .on(RoomEvent.ParticipantDisconnected, (participant) => {
        if (participant.identity === this.agentIdentity) events.agentLeft();
      })
      .on(RoomEvent.Disconnected, () => {
        if (this.joined) events.disconnected();
      });
  }

  /** Joins with this browser first, so that nothing the agent does is missed; then invites the agent. */
  async start(): Promise<void> {
    const [mine, its] = await Promise.all([
      this.api.roomToken(this.name, this.identity, "You"),
      this.api.roomToken(this.name, this.agentIdentity, this.agentName),
    ]);
    await this.room.connect(mine.server_url, mine.participant_token);
    this.joined = await this.api.join(this.agentId, {
      room_url: its.server_url,
      room_token: its.participant_token,
      participant_name: this.agentName,
      idle_timeout_s: IDLE_TIMEOUT_S,
    });
  }

  setMicrophone = (isOn: boolean): Promise<unknown> => this.room.localParticipant.setMicrophoneEnabled(isOn);

  allowSound = (): Promise<void> => this.room.startAudio();

  /** The server sends the picture here no more, and where nobody else wants it, the agent sends none to it. */
  pausePicture(): void {
    this.isPaused = true;
    this.picture?.setEnabled(false);
    this.tellAbsence();
  }

  /** Asks for the picture again; after how many milliseconds it was seen. */
  async resumePicture(): Promise<number> {
    const askedAt = performance.now();
    this.isPaused = false;
    this.picture?.setEnabled(true);
    if (this.absence()) this.tellAbsence();
    await new Promise((seen) => this.video.requestVideoFrameCallback(seen));
    this.tellAbsence();
    return performance.now() - askedAt;
  }

  /** What arrives here, since the last call. */
  async measure(): Promise<Measurements | null> {
    const report = await this.picture?.track?.getRTCStatsReport();
    const inbound = [...(report?.values() ?? [])].find((entry) => entry.type === "inbound-rtp");
    if (!inbound) return null;
    const now = {
      bytes: inbound.bytesReceived as number,
      at: inbound.timestamp as number,
      delay: (inbound.jitterBufferDelay as number) ?? 0,
      emitted: (inbound.jitterBufferEmittedCount as number) ?? 0,
      frames: (inbound.framesDecoded as number) ?? 0,
    };
    const before = this.last;
    this.last = now;
    const isExpected = !this.isPaused && !this.picture?.isMuted;
    this.stillMeasures = isExpected && before?.frames === now.frames ? this.stillMeasures + 1 : 0;
    this.tellAbsence();
    const isLater = before !== null && now.at > before.at && now.bytes >= before.bytes;
    return {
      // Left out while none come.
      fps: (inbound.framesPerSecond as number | undefined) ?? (isLater ? 0 : null),
      bitrateBps: isLater ? ((now.bytes - before.bytes) * 8000) / (now.at - before.at) : null,
      jitterBufferMs:
        isLater && now.emitted > before.emitted
          ? ((now.delay - before.delay) / (now.emitted - before.emitted)) * 1000
          : null,
      width: (inbound.frameWidth as number | undefined) ?? 0,
      height: (inbound.frameHeight as number | undefined) ?? 0,
    };
  }

  async close(): Promise<void> {
    const { joined } = this;
    this.joined = null;
    await Promise.allSettled([
      joined ? this.api.leave(this.agentId, joined.session_id) : Promise.resolve(),
      this.room.disconnect(),
    ]);
  }

  /** From `pagehide`: there is no time for answers. */
  abandon(): void {
    if (this.joined) this.api.leaveOnClose(this.agentId, this.joined.session_id);
    this.joined = null;
    void this.room.disconnect();
  }

  private show(track: RemoteTrack, publication: RemoteTrackPublication, participant: RemoteParticipant): void {
    if (participant.identity !== this.agentIdentity) return;
    if (track.kind !== Track.Kind.Video) return void track.attach(this.audio);
    track.attach(this.video);
    this.picture = publication;
    if (this.isPaused) publication.setEnabled(false);
    this.tellAbsence();
  }

  private tellAbsence(): void {
    this.events.absence(this.absence());
  }

  private absence(): Absence | null {
    if (this.isPaused) return "paused";
    if (this.picture?.isMuted) {
      // The attribute comes a moment after the muting, and only where the token allows it.
      const agent = this.room.remoteParticipants.get(this.agentIdentity);
      const reason = agent?.attributes[RUNG_REASON] || this.told?.rung_reason;
      return reason === "network" || reason === "cpu" ? reason : "muted";
    }
    if (this.picture?.track?.streamState === Track.StreamState.Paused) return "here";
    return this.stillMeasures < STILL_MEASURES ? null : "still";
  }
}
