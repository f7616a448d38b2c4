// Traffic: every User and time at once, as deviation from what is due; a click leads to that User.

import { ask, withQuery } from "../core/api.js";
import { unread } from "../core/dialogs.js";
import { el, render } from "../core/dom.js";
import { onPreference } from "../core/preferences.js";
import { go, query, setQuery } from "../core/router.js";
import { store } from "../core/store.js";
import { number, percent } from "../core/words.js";
import { HeatMap, MEASURES, heatImage } from "../charts/heat_map.js";
import { table } from "../parts/alert_table.js";

const HOUR = 3_600_000;
const SPANS = [["6", "6 hours"], ["24", "24 hours"], ["48", "48 hours"]];
const REFRESH_MS = 60_000;
const SLICE_H = 6;
const COLUMNS = ["messages", "expected", "judged", "failures", "depth"];

/** Two maps of the same Users, the earlier one first. */
function joined(earlier, later) {
  if (earlier.users.join() !== later.users.join()) return later;
  return { ...later, from: earlier.from, ...Object.fromEntries(COLUMNS.map((name) => [name, earlier[name].map((row, index) => row.concat(later[name][index]))])) };
}

export function trafficView(root) {
  const view = new Traffic(root);
  return { leave: () => view.leave() };
}

class Traffic {
  constructor(root) {
    this.root = root;
    this.span = query().span || "24";
    this.measure = MEASURES[query().measure] ? query().measure : "rate";
    this.filter = query().q || "";
    this.heat = new HeatMap({ chosen: (user, at) => go(withQuery(`/traffic/${encodeURIComponent(user)}`, { from: new Date(at - 3 * HOUR).toISOString(), to: new Date(at + 3 * HOUR).toISOString() })) });
    this.build();
    this.timer = setInterval(() => document.hidden || this.read(), REFRESH_MS);
    this.unprefer = onPreference(() => this.draw());
    this.read();
  }

  leave() {
    clearInterval(this.timer);
    this.unprefer();
    this.heat.leave();
  }

  build() {
    const select = (label, options, value, act) => el("select", { "aria-label": label, onchange: (event) => act(event.target.value) }, ...options.map(([key, text]) => el("option", { value: key, selected: key === value }, text)));
    this.search = el("input", { type: "search", placeholder: "User …", "aria-label": "Filter Users", value: this.filter, oninput: () => { this.filter = this.search.value; setQuery({ q: this.filter }); this.draw(); } });
    this.state = el("div", { class: "soft", role: "status" }, "Loading …");
    this.scale = el("p", { class: "scale" });
    this.rows = el("div", {});
    this.root.append(
      el("div", { class: "view-head" }, el("h1", {}, "Traffic"), el("div", { class: "tools" }, this.search,
        select("Measure", Object.entries(MEASURES).map(([key, one]) => [key, one.text]), this.measure, (value) => { this.measure = value; setQuery({ measure: value }); this.draw(); }),
        select("Span", SPANS, this.span, (value) => { this.span = value; setQuery({ span: value }); this.read(); }))),
      el("section", { class: "panel" }, this.scale, this.state, this.heat.node, el("details", {}, el("summary", {}, "As a table"), this.rows)));
  }

  async read() {
    try {
      const end = Math.ceil(Math.min(store.now(), Date.parse(store.status?.data_until || new Date(store.now()).toISOString())) / HOUR) * HOUR;
      const reading = (this.reading = {});
      let map = null;
      for (let to = end; to > end - Number(this.span) * HOUR && this.reading === reading; to -= SLICE_H * HOUR) {
        const slice = await ask(withQuery("/v1/series/heat", { from: new Date(to - SLICE_H * HOUR).toISOString(), to: new Date(to).toISOString(), bucket_s: this.span === "6" ? 300 : 900 }));
        map = map ? joined(slice, map) : slice;
        this.map = map;
        this.draw();
      }
    } catch (fault) {
      render(this.state, unread(fault, () => this.read()));
    }
  }

  draw() {
    if (!this.map) return;
    const keep = this.map.users.map((user, row) => [user, row]).filter(([user]) => user.toLowerCase().includes(this.filter.toLowerCase())).map(([, row]) => row);
    const chosen = (rows) => keep.map((row) => rows[row]);
    const map = { ...this.map, users: chosen(this.map.users), ...Object.fromEntries(COLUMNS.map((name) => [name, chosen(this.map[name])])) };
    const measure = MEASURES[this.measure];
    render(this.state, map.users.length ? "" : this.filter ? "No User fits the filter." : "No traffic was reported in this span.");
    this.drawScale(measure);
    this.heat.show(map, this.measure);
    this.drawTable(map);
  }

  drawScale(measure) {
    const canvas = el("canvas", { width: 160, height: 12, "aria-hidden": "true" });
    canvas.getContext("2d").drawImage(heatImage(Array.from({ length: 160 }, (_, x) => x / 80 - 1), 160), 0, 0, 160, 12);
    this.scale.replaceChildren(`Blue: ${measure.low}`, canvas, `Orange: ${measure.high}. Empty: nothing was reported. Choose a cell to see that User.`);
  }

  drawTable(map) {
    const sum = (row) => row.reduce((total, value) => total + (value || 0), 0);
    const rows = map.users.map((user, row) => {
      const messages = sum(map.messages[row]), expected = sum(map.expected[row]), judged = sum(map.judged[row]);
      const cells = [number(messages), expected ? percent(judged / expected) : "–", percent(messages ? sum(map.failures[row]) / messages : 0), number(Math.max(0, ...map.depth[row]))];
      return el("tr", { key: user }, el("td", {}, el("a", { href: `/traffic/${encodeURIComponent(user)}` }, user)), ...cells.map((text) => el("td", { class: "number" }, text)));
    });
    render(this.rows, table(["User", "Messages", "Of what was due", "Failed", "Deepest queue"], rows, "Traffic of every User in this span"));
  }
}
