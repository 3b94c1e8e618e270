/**
 * What livekit_agent.py is for the Python framework, for the Node one: a real LiveKit agent that speaks through an
 * avatar.
 *
 *     node livekit_agent.js URL TOKEN AVATAR_IDENTITY SCENARIO
 *
 * Scenarios and the JSON lines printed are those of livekit_agent.py; the framework logs JSON lines between them.
 */
import { initializeLogger, tts, voice } from '@livekit/agents';
import { AudioFrame, Room, TrackKind, dispose } from '@livekit/rtc-node';
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const RATE_HZ = 24_000;
const PIECE_SAMPLES = 4_800;

class ToneStream extends tts.ChunkedStream {
  label = 'tone';

  async run() {
    const samples = Math.round(parseFloat(this.inputText) * RATE_HZ);
    for (let start = 0; start < samples; start += PIECE_SAMPLES) {
      const pcm = new Int16Array(Math.min(PIECE_SAMPLES, samples - start));
      for (let i = 0; i < pcm.length; i++) {
        pcm[i] = 12_000 * Math.sin((2 * Math.PI * 300 * (start + i)) / RATE_HZ);
      }
      const frame = new AudioFrame(pcm, RATE_HZ, 1, pcm.length);
      this.queue.put({ requestId: 'tone', segmentId: 'tone', frame, final: start + pcm.length === samples });
    }
    this.queue.close();
  }
}

/** Says a number of seconds as a tone of that length, faster than real time. */
class ToneVoice extends tts.TTS {
  label = 'tone';

  constructor() {
    super(RATE_HZ, 1, { streaming: false });
  }

  synthesize(text, connOptions, abortSignal) {
    return new ToneStream(text, this, connOptions, abortSignal);
  }

  /** Required, and never called for a voice that does not stream. */
  stream() {
    throw new Error('not a streaming voice');
  }
}

function tell(event, values = {}) {
  writeSync(1, JSON.stringify({ event, ...values }) + '\n');
}

async function play(session, output, scenario) {
  let handles = [];
  let started;
  for (const step of scenario.split(',')) {
    const [name, value] = step.split(':');
    if (name === 'say') {
      started = once(output, 'playbackStarted');
      handles.push(session.say(`${value} seconds`));
    } else if (name === 'started') {
      await started;
    } else if (name === 'wait') {
      for (const handle of handles) await handle.waitForPlayout();
      handles = [];
    } else if (name === 'sleep') {
      await sleep(1000 * parseFloat(value));
    } else if (name === 'interrupt') {
      await session.interrupt().await;
    } else {
      throw new Error(step);
    }
  }
}

async function main(url, token, avatar, scenario) {
  initializeLogger({ pretty: false, level: 'warn' });
  const room = new Room();
  await room.connect(url, token, { autoSubscribe: false, dynacast: false });
  const session = new voice.AgentSession({ tts: new ToneVoice(), vad: null });
  const output = new voice.DataStreamAudioOutput({
    room,
    destinationIdentity: avatar,
    waitRemoteTrack: TrackKind.KIND_VIDEO,
    waitPlaybackStart: true,
  });
  session.output.audio = output;
  output.on('playbackStarted', () => tell('started'));
  output.on('playbackFinished', ({ playbackPosition, interrupted }) =>
    tell('finished', { position_s: playbackPosition, interrupted }),
  );
  await session.start({ agent: new voice.Agent({ instructions: 'Say what you are told to.' }) });
  tell('ready');
  await play(session, output, scenario);
  await sleep(1000); // an answer too many would come now
  tell('end');
  await session.close();
  await room.disconnect();
  await dispose();
}

await main(...process.argv.slice(2));
process.exit(0);
