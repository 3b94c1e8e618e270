// Watches the agent's video: for every shown frame, when it came, how fast the mouth changed since the frame before
// (mean grey levels a second, because an idle face has fewer frames), and how loud the microphone is. `box` is the
// mouth's place in fractions of the picture.
(box) => {
  const [x0, y0, x1, y1] = box;
  const side = 96;
  const video = document.querySelector('[data-testid="agent-video"]');
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const audio = new AudioContext();
  const analyser = audio.createAnalyser();
  audio.createMediaStreamSource(window.microphoneStream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const watched = (window.watchedFrames = []);
  let last = null;
  let lastAt = 0;
  const onFrame = (now) => {
    const { videoWidth: width, videoHeight: height } = video;
    context.drawImage(video, x0 * width, y0 * height, (x1 - x0) * width, (y1 - y0) * height, 0, 0, side, side);
    const pixels = context.getImageData(0, 0, side, side).data;
    const luma = new Float32Array(side * side);
    for (let i = 0; i < luma.length; i++) {
      luma[i] = 0.299 * pixels[4 * i] + 0.587 * pixels[4 * i + 1] + 0.114 * pixels[4 * i + 2];
    }
    if (last) {
      let change = 0;
      for (let i = 0; i < luma.length; i++) change += Math.abs(luma[i] - last[i]);
      analyser.getFloatTimeDomainData(samples);
      const loudness = Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
      const perSecond = change / luma.length / ((now - lastAt) / 1000);
      watched.push({ at_s: now / 1000, change_per_s: perSecond, loudness });
    }
    last = luma;
    lastAt = now;
    video.requestVideoFrameCallback(onFrame);
  };
  video.requestVideoFrameCallback(onFrame);
};
