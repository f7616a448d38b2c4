// Heat map: Users × time on one canvas; what is due is neutral, more and less than due are two colours that everybody can distinguish.

import { el, render } from "../core/dom.js";
import { isDark } from "../core/preferences.js";
import { number, percent, timeText } from "../core/words.js";
import { scale, ticks } from "./time_axis.js";
import { clockText, dayText } from "../core/words.js";

const ROW = 17;
const HEAD = 22;

const SHADES = 127;

/** Blue is less, orange is more than what is due: [red, green, blue] of the strengths -1 to 1 in 255 steps. */
function shades() {
  const dark = isDark(), neutral = dark ? [38, 50, 59] : [233, 237, 240];
  const less = dark ? [92, 170, 255] : [24, 92, 176], more = dark ? [255, 160, 60] : [196, 82, 0];
  return Array.from({ length: 2 * SHADES + 1 }, (_, step) => {
    const strength = step / SHADES - 1, end = strength < 0 ? less : more;
    return neutral.map((from, index) => Math.round(from + (end[index] - from) * Math.abs(strength)));
  });
}

/** Writes the colours of `count` strengths into a new image of one row for every `wide` of them; null stays transparent. */
export function heatImage(strengths, wide) {
  const image = new ImageData(wide, strengths.length / wide), colours = shades();
  strengths.forEach((strength, index) => {
    if (strength !== null) image.data.set([...colours[Math.round((Math.max(-1, Math.min(1, strength)) + 1) * SHADES)], 255], index * 4);
  });
  const canvas = new OffscreenCanvas(image.width, image.height);
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

const FEW = 30;

/** Measures: a cell's strength (null: nothing came or nothing to judge) and what it says. */
export const MEASURES = {
  rate: {
    text: "Rate", low: "a tenth of what is due", high: "ten times what is due",
    strength: (map, row, index) => {
      const judged = map.judged[row][index], expected = map.expected[row][index];
      if (map.messages[row][index] === null) return null;
      return !expected || expected < FEW ? 0 : Math.max(-1, Math.min(1, Math.log10((judged + 1) / (expected + 1))));
    },
    describe: (map, row, index) => `${number(map.messages[row][index])} messages, ${map.expected[row][index] ? `${number(map.expected[row][index])} were due` : "nothing to compare with"}`,
  },
  failures: {
    text: "Failures", low: "fewer than usual", high: "half of all fail",
    strength: (map, row, index, usual) => {
      const messages = map.messages[row][index];
      if (messages === null) return null;
      return messages < FEW ? 0 : Math.max(-1, Math.min(1, (map.failures[row][index] / messages - usual[row]) * 2));
    },
    usual: (map, row) => median(map.failures[row].map((failed, index) => (map.messages[row][index] ? failed / map.messages[row][index] : null))),
    describe: (map, row, index) => `${percent(map.messages[row][index] ? map.failures[row][index] / map.messages[row][index] : 0)} of ${number(map.messages[row][index])} failed`,
  },
  queue: {
    text: "Queue", low: "shorter than usual", high: "a thousand times as long as usual",
    strength: (map, row, index, usual) => (map.depth[row][index] === null ? null : Math.max(-1, Math.min(1, Math.log10((map.depth[row][index] + 50) / (usual[row] + 50)) / 3))),
    usual: (map, row) => median(map.depth[row]),
    describe: (map, row, index) => `${number(map.depth[row][index])} messages waiting at most`,
  },
};

function median(values) {
  const known = values.filter((value) => value !== null).sort((a, b) => a - b);
  return known.length ? known[Math.floor(known.length / 2)] : 0;
}

export class HeatMap {
  constructor({ chosen }) {
    this.chosen = chosen;
    this.canvas = el("canvas", { role: "img", "aria-label": "Heat map of Users and time; the table below says the same" });
    this.tip = el("div", { class: "heat-tip", hidden: true });
    this.node = el("div", { class: "heat" }, this.canvas, this.tip);
    this.canvas.addEventListener("pointermove", (event) => this.pointed(event));
    this.canvas.addEventListener("pointerleave", () => (this.tip.hidden = true));
    this.canvas.addEventListener("click", (event) => this.clicked(event));
    this.sizes = new ResizeObserver(() => this.map && this.node.clientWidth !== this.width && this.draw());
    this.sizes.observe(this.node);
  }

  leave() {
    this.sizes.disconnect();
  }

  show(map, measure) {
    this.map = map;
    this.measure = MEASURES[measure];
    this.usual = this.measure.usual ? map.users.map((_, row) => this.measure.usual(map, row)) : [];
    this.draw();
  }

  draw() {
    const { map, canvas } = this, ratio = devicePixelRatio || 1;
    this.width = this.node.clientWidth || 800;
    const size = scale();
    Object.assign(this, { left: innerWidth < 640 ? 74 : 110 * size, row: ROW * size, head: HEAD * size });
    const height = this.head + map.users.length * this.row;
    canvas.width = this.width * ratio;
    canvas.height = height * ratio;
    canvas.style.height = `${height}px`;
    const pen = canvas.getContext("2d");
    pen.scale(ratio, ratio);
    this.steps = map.messages[0]?.length || 0;
    this.cell = (this.width - this.left) / Math.max(1, this.steps);
    const styles = getComputedStyle(document.documentElement);
    pen.font = `${12 * size}px system-ui`;
    pen.textBaseline = "middle";
    this.drawHead(pen, styles);
    if (!this.steps) return;
    const cells = heatImage(map.users.flatMap((_, row) => map.messages[row].map((_, index) => this.measure.strength(map, row, index, this.usual))), this.steps);
    pen.imageSmoothingEnabled = false;
    pen.fillStyle = styles.getPropertyValue("--ink");
    pen.textAlign = "right";
    map.users.forEach((user, row) => {
      const top = this.head + row * this.row;
      pen.fillText(user, this.left - 8, top + this.row / 2, this.left - 10);
      pen.drawImage(cells, 0, row, this.steps, 1, this.left, top + 1, this.width - this.left, this.row - 2);
    });
  }

  drawHead(pen, styles) {
    const from = Date.parse(this.map.from), to = Date.parse(this.map.to);
    pen.fillStyle = styles.getPropertyValue("--soft");
    pen.textAlign = "center";
    for (const at of ticks(from, to, this.width - this.left)) {
      const date = new Date(at), text = date.getUTCHours() || date.getUTCMinutes() ? clockText(at) : dayText(at).replace(/ \d+$/, "");
      const place = this.left + ((at - from) / (to - from)) * (this.width - this.left), half = pen.measureText(text).width / 2;
      pen.fillText(text, Math.min(place, this.width - half), this.head / 2);
    }
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const index = Math.floor((event.clientX - box.left - this.left) / this.cell), row = Math.floor((event.clientY - box.top - this.head) / this.row);
    if (!this.map || row < 0 || row >= this.map.users.length || index >= this.steps) return null;
    return { row, index: Math.max(0, index), x: event.clientX - box.left, y: event.clientY - box.top };
  }

  at(index) {
    return Date.parse(this.map.from) + index * this.map.bucket_s * 1000;
  }

  pointed(event) {
    const found = this.place(event);
    this.tip.hidden = !found;
    if (!found) return;
    const nothing = this.map.messages[found.row][found.index] === null && this.map.depth[found.row][found.index] === null;
    render(this.tip, el("strong", {}, this.map.users[found.row]), ` ${timeText(this.at(found.index))}: ${nothing ? "nothing was reported" : this.measure.describe(this.map, found.row, found.index)}`);
    this.tip.style.left = `${Math.min(found.x + 12, this.width - 220)}px`;
    this.tip.style.top = `${found.y + 14}px`;
  }

  clicked(event) {
    const found = this.place(event);
    if (found) this.chosen(this.map.users[found.row], this.at(found.index));
  }
}
