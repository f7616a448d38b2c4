// Lanes with conflicts drawn as connections between the two changes.

import { Lanes } from "./lanes.js";
import { svg } from "../core/dom.js";

export class NightLanes extends Lanes {
  connect(conflicts) {
    this.conflicts = conflicts;
  }

  /** The place of a row's bars that is nearest to `x`. */
  onBar(row, x) {
    const places = this.rows[row].bars.map((bar) => Math.max(this.x(bar.from), Math.min(this.x(bar.to), x)));
    return places.sort((a, b) => Math.abs(a - x) - Math.abs(b - x))[0] ?? x;
  }

  /** The places of each conflict, from above: { key, text, ends: [[x, y], …] }. */
  connections(inside) {
    const place = new Map(this.rows.map((row, index) => [row.key, index]));
    return (this.conflicts || []).flatMap((one, index) => {
      const rows = one.changes.map((key) => place.get(key)).filter((row) => row !== undefined);
      const at = (Math.max(this.axis.from, Date.parse(one.from)) + Math.min(this.axis.to, Date.parse(one.to))) / 2;
      if (rows.length < 2) return [];
      const x = Math.max(inside.left, Math.min(inside.right, this.x(at))) + (index % 5) * 4;
      const end = (row) => this.onBar(row, x);
      const y = (row) => 6 + row * this.row + this.row / 2;
      return [{ key: `conflict-${index}`, text: one.text, ends: rows.sort((a, b) => a - b).map((row) => [end(row), y(row)]) }];
    });
  }

  /** The lines lie under the names of the changes, their ends on the bars. */
  beneath(inside) {
    return this.connections(inside).map(({ key, text, ends }) => svg("g", { key, class: "connection" }, svg("line", { x1: ends[0][0], x2: ends.at(-1)[0], y1: ends[0][1], y2: ends.at(-1)[1] }), svg("title", {}, text)));
  }

  lines(inside) {
    const dots = this.connections(inside).map(({ key, text, ends }) => svg("g", { key: `${key} ends`, class: "ends" }, ...ends.map(([cx, cy]) => svg("circle", { cx, cy, r: 4 })), svg("title", {}, text)));
    return [...super.lines(inside), ...dots];
  }
}
