// Habits: what recurs and is no longer reported. The desk reads them, refuses one, or allows it again.

import { ask, pathOf, withQuery } from "../core/api.js";
import { askFor, attempt, say } from "../core/dialogs.js";
import { el, render } from "../core/dom.js";
import { store } from "../core/store.js";
import { time } from "../core/words.js";
import { table } from "./alert_table.js";

const A_PAGE = 50;

export class Habits {
  /** `user`: of one User only. */
  constructor(user = null) {
    this.user = user;
    this.limit = A_PAGE;
    this.node = el("div", {}, el("p", { class: "soft" }, "Loading …"));
  }

  async read() {
    const page = await ask(withQuery("/v1/habits", { user: this.user, limit: this.limit })).catch((fault) => fault);
    if (page.items) this.draw(page);
    else render(this.node, el("p", { class: "soft" }, `The habits can't be listed: ${page.message}`));
  }

  draw({ items, next }) {
    if (!items.length) return render(this.node, el("p", { class: "soft" }, "There is no habit. What comes at the same time of day for the third time becomes one, and is then no longer reported."));
    const rows = items.map((one) => el("tr", { key: one.habit_id }, el("td", {}, one.summary), el("td", {}, time(one.last_at)), el("td", {}, one.refused ? el("span", { class: "chip attention" }, "refused") : "accepted"), el("td", {}, store.mayAct ? this.button(one) : null)));
    render(this.node, el("p", { class: "soft" }, "These are not reported while they recur. Refuse one, and it raises an alert each time."), table(["Habit", "Last", "State", "Answer"], rows, "Habits"),
      next ? el("button", { key: "more", onclick: () => { this.limit = Math.min(5000, this.limit * 4); this.read(); } }, "Show more") : null);
  }

  button(one) {
    const path = pathOf("/v1/habits", one.habit_id, "refuse");
    if (one.refused) return el("button", { class: "small", onclick: () => attempt(async () => { await ask(path, "DELETE"); await this.read(); }) }, "Allow again");
    return el("button", { class: "small", onclick: () => askFor("Refuse this habit", [{ name: "note", label: "Why", type: "area" }], "Refuse", async (values) => {
      await ask(path, "POST", { note: values.note || null });
      say("Refused. It raises an alert each time from now on.");
      await this.read();
    }) }, "Refuse");
  }
}
