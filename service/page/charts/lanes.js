// Swim-lanes on the shared time axis: changes (the DCC's above, Users' below), and who suffered when.

import { el, render, svg } from "../core/dom.js";
import { clockText, dayText, instant, timeText } from "../core/words.js";
import { table } from "../parts/alert_table.js";
import { gutter, scale, ticks } from "./time_axis.js";

const ROW = 22;
const TOP = 6;
const BOTTOM = 22;
const LETTER = 6.4;
const CAPITAL = 8;

export class Lanes {
  /** `rows`: [{ name, href, bars: [{ from, to, class, title, text, href }] }]; `marks`: [{ at, text, colour }]. */
  constructor(axis, { title, label, row = ROW }) {
    Object.assign(this, { axis, atDesk: row });
    this.rows = [];
    this.marks = [];
    this.picture = svg("svg", { class: "lanes", role: "group", "aria-label": label || title });
    this.note = el("p", { class: "soft" });
    this.node = el("figure", { class: "figure" }, el("figcaption", { class: "chart-title" }, title), this.picture, this.note, el("details", { class: "no-print" }, el("summary", {}, "As a table"), (this.table = el("div", {}))));
    this.title = title;
    this.unlisten = axis.listen(() => this.draw());
    this.pointer = (at) => this.point(at);
    axis.cursorListeners.add(this.pointer);
    this.sizes = new ResizeObserver(() => this.picture.clientWidth !== this.width && this.draw());
    this.sizes.observe(this.picture);
  }

  leave() {
    this.unlisten();
    this.axis.cursorListeners.delete(this.pointer);
    this.sizes.disconnect();
  }

  set(rows, marks, note = "") {
    this.rows = rows;
    this.marks = marks;
    this.note.textContent = note;
    this.draw();
    this.drawTable();
  }

  drawTable() {
    const rows = this.rows.flatMap((row) => row.bars.map((bar, index) => el("tr", { key: `${row.key || row.name}-${index}` }, ...[row.name, timeText(bar.from), timeText(bar.to), bar.title].map((text) => el("td", {}, text)))));
    render(this.table, table(["Whose", "From", "To", "What"], rows, `${this.title} as a table`));
  }

  draw() {
    const width = (this.width = this.picture.clientWidth || 600), sides = gutter();
    this.size = scale();
    this.row = this.atDesk * this.size;
    const height = TOP + this.rows.length * this.row + BOTTOM * this.size;
    this.x = (at) => sides.left + ((at - this.axis.from) / (this.axis.to - this.axis.from)) * (width - sides.left - sides.right);
    this.picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.picture.setAttribute("height", height);
    const inside = { left: sides.left, right: width - sides.right, bottom: height - BOTTOM * this.size };
    this.inside = inside;
    render(this.picture, hatch(), ...this.grid(inside, height), ...this.beneath(inside), ...this.rows.map((row, index) => this.lane(row, index, inside)), ...this.lines(inside), svg("line", { key: "cursor", class: "cursor", y1: TOP, y2: inside.bottom, visibility: "hidden" }));
  }

  /** What lies under the lanes. */
  beneath() {
    return [];
  }

  grid(inside, height) {
    return ticks(this.axis.from, this.axis.to, inside.right - inside.left).flatMap((at) => {
      const text = new Date(at).getUTCHours() || new Date(at).getUTCMinutes() ? clockText(at) : dayText(at).replace(/ \d+$/, "");
      return [svg("line", { key: `grid-${at}`, class: "grid", x1: this.x(at), x2: this.x(at), y1: TOP, y2: inside.bottom }), svg("text", { key: `at-${at}`, x: this.x(at), y: height - 6 * this.size, "text-anchor": this.x(at) > inside.right - 16 ? "end" : "middle" }, text)];
    });
  }

  lane(row, index, inside) {
    const y = TOP + index * this.row;
    const room = inside.left - 10, squeezed = row.name.length * CAPITAL * this.size > room ? { textLength: room, lengthAdjust: "spacingAndGlyphs" } : {};
    const name = svg("text", { class: "name", x: inside.left - 8, y: y + this.row / 2 + 4 * this.size, "text-anchor": "end", ...squeezed }, row.name, svg("title", {}, row.name));
    return svg("g", { key: row.key || row.name }, name, ...row.bars.map((bar) => this.bar(bar, y, inside)).filter(Boolean));
  }

  bar(bar, y, inside) {
    const left = Math.max(inside.left, this.x(bar.from)), right = Math.min(inside.right, this.x(bar.to));
    if (right < inside.left || left > inside.right) return null;
    const width = Math.max(3, right - left), height = this.row - 6;
    const shape = svg("rect", { x: left, y: y + 3, width, height, rx: 3, class: bar.class, fill: bar.hatched ? "url(#hatch)" : null }, svg("title", {}, bar.title));
    const text = bar.text ? this.barText(bar, { left, right, y }, inside) : null;
    return bar.href ? svg("a", { href: bar.href, "aria-label": text ? null : bar.title }, shape, text) : svg("g", {}, shape, text);
  }

  /** The longest of the bar's texts that finds room inside it, right of it or left of it. */
  barText(bar, { left, right, y }, inside) {
    const height = y + this.row / 2 + 4 * this.size;
    for (const text of bar.text) {
      const length = text.length * LETTER * this.size + 10;
      if (right - left > length) return svg("text", { x: left + 6, y: height, class: "name inside" }, text);
      if (right + length < inside.right) return svg("text", { x: right + 5, y: height }, text);
      if (left - length > inside.left) return svg("text", { x: left - 5, y: height, "text-anchor": "end" }, text);
    }
    return null;
  }

  lines(inside) {
    return this.marks.filter((mark) => mark.at >= this.axis.from && mark.at <= this.axis.to).map((mark) => {
      const line = svg("line", { key: `mark-${mark.text}`, class: "mark", x1: this.x(mark.at), x2: this.x(mark.at), y1: 0, y2: inside.bottom }, svg("title", {}, `${mark.text} ${timeText(mark.at)}`));
      line.setAttribute("stroke", `var(--${mark.colour})`);
      return line;
    });
  }

  point(at) {
    const line = this.picture.querySelector(".cursor");
    if (!line) return;
    const x = at === null ? null : this.x(at), isIn = x !== null && x >= this.inside.left && x <= this.inside.right;
    line.setAttribute("visibility", isIn ? "visible" : "hidden");
    if (isIn) for (const name of ["x1", "x2"]) line.setAttribute(name, x);
  }
}

function hatch() {
  return svg("defs", { key: "defs" }, svg("pattern", { id: "hatch", width: 7, height: 7, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, svg("line", { class: "hatch", x1: 0, y1: 0, x2: 0, y2: 7 })));
}

/** Rows of changes: the DCC's first, then by owner; planned hatched, actual solid, suspects outlined, BCDR tests marked. */
export function changeRows(changes, suspects = new Set()) {
  const rank = (one) => (one.source === "dcc" ? 0 : one.source === "service_provider" ? 1 : 2);
  const sorted = [...changes].sort((a, b) => rank(a) - rank(b) || a.owner.localeCompare(b.owner) || a.planned_start.localeCompare(b.planned_start));
  return sorted.map((change) => {
    const mark = suspects.has(`${change.owner}/${change.change_id}`) ? " suspect" : change.category === "bcdr_test" ? " bcdr" : "";
    const title = `${change.change_id} of ${change.owner}: ${change.title}, ${timeText(change.planned_start)} to ${timeText(change.planned_end)}, ${change.status}${mark === " bcdr" ? ", disaster recovery test" : ""}${mark === " suspect" ? ", suspected" : ""}`;
    const bars = [{ from: instant(change.planned_start), to: instant(change.planned_end), class: `planned${mark}`, hatched: true, title, text: [`${change.change_id} ${change.title}`, `${change.change_id} ${change.title}`.slice(0, 40), change.change_id], href: `/calendar/${change.planned_start.slice(0, 10)}` }];
    const started = instant(change.actual_start);
    if (started) bars.push({ from: started, to: instant(change.actual_end) || instant(change.planned_end), class: "actual", title: `${change.change_id} as it was` });
    return { name: change.owner, key: `${change.owner}/${change.change_id}`, bars };
  });
}
