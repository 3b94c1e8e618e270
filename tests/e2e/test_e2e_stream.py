"""A stream in a real browser: its key as a subprotocol, its pictures through the browser's own decoders."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Page
from studio_stack import Stack

pytestmark = pytest.mark.browser

WATCH = """
async ([key, format, codec]) => {
  const text = btoa(key).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  const url = location.origin.replace("http", "ws") + "/v1/agents/ada/stream";
  const stream = new WebSocket(url, ["visavis.v1", `visavis.key.${text}`]);
  stream.binaryType = "arraybuffer";
  const seen = {sizes: [], pts: [], texts: [], closed: null, failed: null};
  const decoder = codec && new VideoDecoder({
    output: (frame) => {
      seen.sizes.push([frame.displayWidth, frame.displayHeight]);
      seen.pts.push(frame.timestamp);
      frame.close();
    },
    error: (error) => { seen.failed = String(error); stream.close(); },
  });
  decoder?.configure({codec, optimizeForLatency: true});
  stream.onopen = () => stream.send(JSON.stringify(
    {type: "hello", sample_rate: 24000, video: {format, width: 256, height: 256}}));
  stream.onmessage = async ({data}) => {
    if (typeof data === "string") { seen.texts.push(JSON.parse(data)); return; }
    const header = new DataView(data);
    if (header.getUint8(0) !== 2) return;
    const pts = Number(header.getBigUint64(16, true));
    const payload = new Uint8Array(data, 24);
    if (decoder) {
      const type = header.getUint8(1) & 1 ? "key" : "delta";
      decoder.decode(new EncodedVideoChunk({type, timestamp: pts, data: payload}));
    } else {
      const image = await createImageBitmap(new Blob([payload], {type: "image/jpeg"}));
      seen.sizes.push([image.width, image.height]);
      seen.pts.push(pts);
    }
    if (seen.sizes.length >= 12) stream.close();
  };
  await new Promise((done) => { stream.onclose = ({code, reason}) => { seen.closed = [code, reason]; done(); }; });
  return {...seen, protocol: stream.protocol};
}
"""


@pytest.mark.parametrize(("format", "codec"), [("jpeg", None), ("h264", "avc1.42001f"), ("vp8", "vp8")])
async def test_a_browser_decodes_every_format(page: Page, stack: Stack, format: str, codec: str | None) -> None:
    key = await page.evaluate("async () => (await (await fetch('/studio-config.json')).json()).api_key")
    async with stack.api() as client:
        for _ in range(300):
            if (await client.get("/v1/agents/ada")).json()["status"] == "ready":
                break
            await asyncio.sleep(0.2)
    seen = await page.evaluate(WATCH, [key, format, codec])
    assert (seen["failed"], seen["protocol"], seen["texts"][0]["type"]) == (None, "visavis.v1", "ready"), seen["texts"]
    assert len(seen["sizes"]) >= 12 and set(map(tuple, seen["sizes"])) == {(256, 256)}
    assert seen["pts"] == sorted(set(seen["pts"]))


async def test_a_page_with_a_wrong_key_is_told_so(page: Page) -> None:
    seen = await page.evaluate(WATCH, ["wrong", "jpeg", None])
    assert (seen["texts"][0]["error"]["code"], seen["closed"]) == ("key_refused", [1008, "key_refused"])
