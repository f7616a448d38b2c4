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

  lines(inside) {
    const place = new Map(this.rows.map((row, index) => [row.key, index]));
    const drawn = (this.conflicts || []).flatMap((one, index) => {
      const rows = one.changes.map((key) => place.get(key)).filter((row) => row !== undefined);
      const at = (Math.max(this.axis.from, Date.parse(one.from)) + Math.min(this.axis.to, Date.parse(one.to))) / 2;
      if (rows.length < 2) return [];
      const x = Math.max(inside.left, Math.min(inside.right, this.x(at))) + (index % 5) * 4;
      const end = (row) => this.onBar(row, x);
      const y = (row) => 6 + row * this.row + this.row / 2;
      const low = Math.min(...rows), high = Math.max(...rows);
      return [svg("g", { key: `conflict-${index}`, class: "connection" }, svg("line", { x1: end(low), x2: end(high), y1: y(low), y2: y(high) }), ...rows.map((row) => svg("circle", { cx: end(row), cy: y(row), r: 4 })), svg("title", {}, one.text))];
    });
    return [...super.lines(inside), ...drawn];
  }
}
