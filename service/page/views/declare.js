// Declaring a change, on a phone too: six inputs at most, conflicts while one writes, and who will read what.

import { ask } from "../core/api.js";
import { say } from "../core/dialogs.js";
import { el, render } from "../core/dom.js";
import { go } from "../core/router.js";
import { store } from "../core/store.js";
import { localText, plainTimes, timeText } from "../core/words.js";
import { CATEGORIES, riskCell } from "../parts/calendar_data.js";

const WAIT_MS = 400;
/** The DCC's recovery tests are not declared here. */
const DECLARABLE = CATEGORIES.filter(([value]) => value !== "bcdr_test");
const EFFECTS = [["", "Say nothing of it"], ["silent", "No traffic at all"], ["down", "Less traffic"], ["up_2", "Up to twice the usual traffic"], ["up_5", "Up to five times the usual traffic"], ["up_10", "Up to ten times the usual traffic"]];
const VISIBILITY = [
  ["dcc_only", "The DCC's desk only", "The desk reads all of it. Other Users read nothing."],
  ["public_summary", "A summary for all Users", "All Users read owner, title, category, times, services and regions. The desk reads all of it."],
  ["draft", "Keep it as a draft", "The desk and you read it. It explains nothing until you declare it."],
];

/** What the DCC leads concerns every User: only a draft is the desk's own. */
const OF_DESK = [
  ["public_summary", "All Users", "All Users read all of it, as every change that the DCC leads."],
  ["draft", "Keep it as a draft", "Only the desk reads it. It explains nothing until you declare it."],
];

const text = (date) => date.toISOString().slice(0, 19).replace(/\.\d+/, "") + "Z";

function tonight(hours) {
  const at = new Date(Date.now() + 86_400_000);
  at.setHours(22 + hours, 0, 0, 0);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

export function declareView(root) {
  const view = new Declare(root);
  return { leave: () => clearTimeout(view.timer) };
}

class Declare {
  constructor(root) {
    this.root = root;
    this.build();
    this.changed();
  }

  build() {
    const time = (name, label, hours) => {
      const beside = el("span", { class: "hint", id: `${name}-utc` });
      const input = el("input", { name, type: "datetime-local", required: true, value: tonight(hours), "aria-describedby": `${name}-utc` });
      return el("label", { class: "field" }, el("span", { class: "label" }, label), input, beside);
    };
    const select = (name, label, options) => el("label", { class: "field" }, el("span", { class: "label" }, label), el("select", { name }, ...options.map(([value, words]) => el("option", { value }, words))));
    const choices = store.isUser ? VISIBILITY : OF_DESK;
    this.preview = el("div", { role: "status", "aria-live": "polite" });
    this.fault = el("p", { class: "fault", role: "alert" });
    this.form = el("form", { class: "fields", oninput: () => this.changed(), onsubmit: (event) => this.send(event) },
      el("label", { class: "field" }, el("span", { class: "label" }, "What is done"), el("input", { name: "title", required: true, maxlength: 300, placeholder: "Replace the perimeter firewall" })),
      time("start", "Start (your local time)", 0), time("end", "End (your local time)", 2),
      select("category", "Kind of change", [["", "As the title says"], ...DECLARABLE]), select("effect", store.isUser ? "What it will do to your traffic" : "What it will do to the traffic", EFFECTS),
      el("fieldset", { class: "choices" }, el("legend", {}, "Who may read it"), ...choices.map(([value, label, hint]) => el("label", {}, el("input", { type: "radio", name: "visibility", value, checked: value === choices[0][0] }), label, el("span", { class: "hint" }, hint)))),
      this.preview, this.fault, el("div", { class: "buttons" }, el("button", { class: "primary" }, "Declare")));
    this.root.append(el("h1", {}, "Declare a change"), el("section", { class: "panel form" }, this.form), el("section", { class: "panel form" }, el("h2", {}, "Your calendar elsewhere"), this.feed()));
  }

  feed() {
    const place = el("div", {});
    const make = async () => {
      try {
        const made = await ask("/v1/calendar/feed", "POST");
        render(place, el("p", {}, "Add this address to your calendar program. Whoever knows it reads what you may read, so keep it to yourself."), el("p", {}, el("code", {}, new URL(made.url, location.origin).href)));
      } catch (fault) {
        render(place, el("p", { class: "soft" }, fault.message));
      }
    };
    place.append(el("button", { onclick: make }, "Make the address of a calendar feed"));
    return place;
  }

  values() {
    const given = Object.fromEntries(new FormData(this.form));
    const start = new Date(given.start), end = new Date(given.end);
    return { ...given, start, end, isWhole: given.title.trim() && !Number.isNaN(start.getTime()) && !Number.isNaN(end.getTime()) };
  }

  change() {
    const { title, start, end, category, effect, visibility } = this.values();
    this.id ??= `CHG-${new Date().toISOString().replace(/\D/g, "").slice(2, 14)}`;
    const [kind, factor] = effect.split("_");
    const expected = !effect ? null : kind === "up" ? { effect: "up", factor: Number(factor) } : { effect: kind };
    const owner = store.isUser ? store.who.user : "DCC";
    return { change_id: this.id, owner, title: title.trim(), planned_start: text(start), planned_end: text(end), category: category || null, expected, status: visibility === "draft" ? "draft" : "declared", visibility: visibility === "draft" ? "dcc_only" : visibility };
  }

  changed() {
    this.id = null;
    const { start, end, isWhole } = this.values();
    for (const [name, at] of [["start", start], ["end", end]]) document.getElementById(`${name}-utc`).textContent = Number.isNaN(at.getTime()) ? "Choose a date and a time." : at.getTimezoneOffset() ? `${localText(at)} is ${timeText(at)}` : timeText(at);
    this.fault.textContent = "";
    clearTimeout(this.timer);
    if (!isWhole) return render(this.preview);
    if (end <= start) return render(this.preview, el("p", { class: "fault" }, "The end must lie after the start."));
    this.timer = setTimeout(() => this.look(), WAIT_MS);
  }

  async look() {
    try {
      const { conflicts, missing, free_slots: slots, category, risk } = await ask("/v1/changes/preview", "POST", this.change());
      render(this.preview, conflicts.length ? el("p", {}, el("strong", {}, "This would collide:")) : el("p", { class: "good" }, "✓ No conflict with what you may see."),
        ...conflicts.slice(0, 10).map((one) => el("p", { class: "conflict" }, plainTimes(one.text))), slots.length ? el("p", {}, "Free instead:") : null, slots.length ? el("ul", { class: "tools" }, ...slots.map((slot) => el("li", {}, el("button", { type: "button", onclick: () => this.moveTo(slot) }, `${timeText(Date.parse(slot.start))} to ${timeText(Date.parse(slot.end), { day: false })}`)))) : null,
        ...missing.map((one) => el("p", { class: "conflict" }, `${one.item}: ${one.text}`)),
        this.values().category ? null : el("p", { class: "soft" }, `Kind of change: ${category.replaceAll("_", " ")}. Correct it above if that is wrong.`),
        risk ? el("div", {}, el("p", { class: "soft" }, "Risk of harm, which the DCC's desk and you see:"), riskCell(risk)) : null);
    } catch (fault) {
      render(this.preview, el("p", { class: "fault" }, fault.message));
    }
  }

  moveTo(slot) {
    for (const name of ["start", "end"]) {
      const at = new Date(slot[name]);
      this.form.elements[name].value = new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
    }
    this.changed();
  }

  async send(event) {
    event.preventDefault();
    try {
      const change = this.change();
      await ask("/v1/changes", "POST", change);
      say(change.status === "draft" ? `Kept as a draft: ${change.change_id}` : `Declared: ${change.change_id}`);
      go(store.isUser ? "/" : `/calendar/${change.planned_start.slice(0, 10)}`);
    } catch (fault) {
      this.fault.textContent = fault.message;
    }
  }
}
