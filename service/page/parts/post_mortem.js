// The post-mortem: begun from the records, edited by people, kept by the monitor, taken away as Markdown.

import { ask, pathOf } from "../core/api.js";
import { attempt, copyText, say } from "../core/dialogs.js";
import { el, render } from "../core/dom.js";
import { preferences } from "../core/preferences.js";
import { store } from "../core/store.js";
import { timeText } from "../core/words.js";

export class PostMortem {
  constructor(id) {
    this.id = id;
    this.generated = "";
    this.touched = false;
    this.text = el("textarea", { class: "preformatted", "aria-label": "Post-mortem as Markdown", rows: "16", oninput: () => { this.touched = true; this.fill(); }, readonly: !store.mayAct });
    this.printed = el("pre", { class: "print-only" }); // a text area prints only what is in view
    this.kept = el("p", { class: "soft" });
    const button = (text, act, kind = "") => el("button", { class: kind, onclick: act }, text);
    this.node = el("div", {}, this.kept, this.text, this.printed, el("div", { class: "buttons no-print" },
      store.mayAct ? button("Start again from the records", () => this.startAgain(), "quiet") : null,
      button("Copy", () => copyText(this.text)),
      button("Download Markdown", () => this.download()), store.mayAct ? button("Save", () => this.save(), "primary") : null));
  }

  /** The text made from the records, and what people kept; neither overwrites what is being written. */
  offer(markdown, kept) {
    this.generated = markdown;
    render(this.kept, kept ? `Saved by ${kept.by} at ${timeText(kept.at)}.` : "Made from the records. Edit it, then save it.");
    if (!this.touched) this.text.value = kept?.markdown || markdown;
    this.fill();
  }

  fill() {
    this.printed.textContent = this.text.value;
  }

  startAgain() {
    this.text.value = this.generated;
    this.touched = true;
    this.fill();
  }

  async save() {
    await attempt(async () => {
      const answer = await ask(`${pathOf("/v1/incidents", this.id)}/post-mortem`, "PUT", { markdown: this.text.value, ...(preferences.name ? { name: preferences.name } : {}) });
      this.touched = false;
      store.setState("incidents", this.id, answer.state);
      this.offer(this.generated, answer.state.post_mortem);
      say("Post-mortem saved.");
    });
  }

  download() {
    const link = el("a", { download: `${this.id}.md`, href: URL.createObjectURL(new Blob([this.text.value], { type: "text/markdown" })) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
}
