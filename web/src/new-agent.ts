// "New agent": a photo or a clip, and a name; then the steps of the build, and a refusal that says what would be right.

import { ApiError, type Agent, type Api } from "./api";
import { el, sleep } from "./dom";
import { progressOf, qualityOf } from "./gallery";

const POLL_MS = 250;

export function newAgent(api: Api, onChange: () => void): HTMLElement {
  let photo: File | null = null;
  let isNameTyped = false;
  const preview = el("div", { class: "picture drop-picture" });
  const fileInput = el("input", {
    id: "portrait",
    type: "file",
    accept: "image/*,video/mp4,video/webm,video/quicktime",
    class: "visually-hidden",
    onchange: () => take(fileInput.files?.[0]),
  });
  const nameInput = el("input", {
    id: "agent-name",
    maxlength: 200,
    required: true,
    placeholder: "What is it called?",
    autocomplete: "off",
    oninput: () => (isNameTyped = nameInput.value !== ""),
  });
  const outcome = el("div", {
    class: "outcome",
    role: "status",
    "aria-live": "polite",
    "data-testid": "outcome",
  });
  const submit = el("button", { class: "primary", type: "submit", disabled: true }, "Create agent");
  const drop = el(
    "label",
    { class: "drop", for: "portrait" },
    preview,
    el("span", {}, el("strong", {}, "Drop a portrait photo or clip here"), ", or choose one"),
    el(
      "span",
      { class: "quiet" },
      "One face, from the front, uncovered, well lit. JPEG, PNG or WebP; or 2 to 20 s of MP4, WebM or MOV, lips closed.",
    ),
    fileInput,
  );
  const form = el(
    "form",
    { class: "card new-agent", "aria-label": "New agent", "data-testid": "new-agent", onsubmit: create },
    el("h2", {}, "New agent"),
    drop,
    el("label", { for: "agent-name" }, "Name"),
    nameInput,
    submit,
    outcome,
  );
  for (const type of ["dragover", "dragenter"]) {
    form.addEventListener(type, (event) => {
      event.preventDefault();
      form.classList.add("over");
    });
  }
  form.addEventListener("dragleave", (event) => {
    if (!form.contains(event.relatedTarget as Node | null)) form.classList.remove("over");
  });
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    form.classList.remove("over");
    take(event.dataTransfer?.files[0]);
  });

  function take(file: File | undefined): void {
    if (!file) return;
    photo = file;
    submit.disabled = false;
    preview.replaceChildren(file.type.startsWith("video/") ? clipPreview(file) : photoPreview(file));
    if (!isNameTyped) nameInput.value = nameFrom(file.name);
    outcome.replaceChildren();
  }

  async function create(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    if (!photo) return;
    submit.disabled = true;
    try {
      let agent = await api.createAgent(photo, nameInput.value.trim());
      onChange();
      while (agent.status === "processing") {
        outcome.replaceChildren(progressOf(agent));
        await sleep(POLL_MS);
        agent = await api.agent(agent.agent_id);
      }
      show(agent);
    } catch (error) {
      refuse(error instanceof ApiError ? error : new ApiError("unknown", String(error), ""));
    } finally {
      submit.disabled = photo === null;
      onChange();
    }
  }

  function show(agent: Agent): void {
    if (agent.error) {
      refuse(agent.error);
      // The refusal is told here; a card for it would only be in the way.
      void api.deleteAgent(agent.agent_id).then(onChange, onChange);
      return;
    }
    const notes = agent.notes.map((note) => el("li", {}, note.message));
    outcome.replaceChildren(
      el("p", { class: "good" }, `${agent.name} is ready. `, el("a", { href: `#/talk/${agent.agent_id}` }, "Talk")),
      agent.quality === null ? "" : el("p", { class: "quiet" }, qualityOf(agent.quality)),
      notes.length ? el("ul", { class: "quiet" }, ...notes) : "",
    );
    photo = null;
    isNameTyped = false;
    fileInput.value = nameInput.value = "";
    preview.replaceChildren();
  }

  function refuse(error: { message: string; hint: string }): void {
    outcome.replaceChildren(
      el("p", { class: "refusal" }, el("strong", {}, error.message), error.hint ? ` ${error.hint}` : ""),
    );
  }

  return form;
}

function photoPreview(file: File): HTMLElement {
  const url = URL.createObjectURL(file);
  const image = el("img", { src: url, alt: "The chosen photo" });
  image.onload = () => URL.revokeObjectURL(url);
  image.onerror = () => {
    URL.revokeObjectURL(url);
    image.remove();
  };
  return image;
}

function clipPreview(file: File): HTMLElement {
  const url = URL.createObjectURL(file);
  const clip = el("video", {
    src: url,
    muted: true,
    autoplay: true,
    playsinline: true,
    "aria-label": "The chosen clip",
  });
  clip.muted = true;
  // Played once: it is the agent that goes round.
  clip.onended = () => URL.revokeObjectURL(url);
  clip.onerror = () => {
    URL.revokeObjectURL(url);
    clip.remove();
  };
  return clip;
}

/** `maria_lopez-2.jpg` -> `maria lopez 2` */
function nameFrom(fileName: string): string {
  return fileName
    .replace(/\.[^.]*$/, "")
    .replace(/[_-]+/g, " ")
    .trim()
    .slice(0, 60);
}
