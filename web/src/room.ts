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

import type { Api, Joined } from "./api";

export interface Measurements {
  fps: number | null;
  bitrateBps: number | null;
  jitterBufferMs: number | null;
  width: number;
  height: number;
}

export interface RoomEvents {
  state: (state: ConnectionState) => void;
  video: (element: HTMLVideoElement) => void;
  audio: (element: HTMLAudioElement) => void;
  soundBlocked: (isBlocked: boolean) => void;
  agentLeft: () => void;
  disconnected: () => void;
}

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
  joined: Joined | null = null;
  private readonly name = `studio-${random()}`;
  private readonly identity = `person-${random()}`;
  private readonly agentIdentity = `agent-${random()}`;
  private track: RemoteTrack | null = null;
  private last: { bytes: number; at: number; delay: number; emitted: number } | null = null;

  constructor(
    private readonly api: Api,
    private readonly agentId: string,
    private readonly agentName: string,
    private readonly events: RoomEvents,
  ) {
    this.room
      .on(RoomEvent.ConnectionStateChanged, events.state)
      .on(RoomEvent.TrackSubscribed, (track, publication, participant) => this.show(track, publication, participant))
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

  /** What arrives here, since the last call. */
  async measure(): Promise<Measurements | null> {
    const report = await this.track?.getRTCStatsReport();
    const inbound = [...(report?.values() ?? [])].find((entry) => entry.type === "inbound-rtp");
    if (!inbound) return null;
    const now = {
      bytes: inbound.bytesReceived as number,
      at: inbound.timestamp as number,
      delay: (inbound.jitterBufferDelay as number) ?? 0,
      emitted: (inbound.jitterBufferEmittedCount as number) ?? 0,
    };
    const before = this.last;
    this.last = now;
    const isLater = before !== null && now.at > before.at;
    return {
      fps: (inbound.framesPerSecond as number | undefined) ?? null,
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

  private show(track: RemoteTrack, _publication: RemoteTrackPublication, participant: RemoteParticipant): void {
    if (participant.identity !== this.agentIdentity) return;
    const element = track.attach();
    if (track.kind === Track.Kind.Video) {
      this.track = track;
      this.events.video(element as HTMLVideoElement);
    } else {
      this.events.audio(element as HTMLAudioElement);
    }
  }
}
