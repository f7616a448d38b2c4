// One time axis for several figures: they show the same span, share the cursor, and are zoomed together.

import { el } from "../core/dom.js";

/** How much larger than at a desk the page's text is: figures grow with it, to be read from three metres. */
export const scale = () => parseFloat(getComputedStyle(document.documentElement).fontSize) / 15;

export class TimeAxis {
  constructor(from, to) {
    this.whole = { from, to };
    this.from = from;
    this.to = to;
    this.listeners = new Set();
    this.cursorListeners = new Set();
    this.key = `axis-${++TimeAxis.count}`;
  }

  static count = 0;

  /** Shows [from, to] in milliseconds everywhere; less than ten seconds is no span. */
  show(from, to) {
    if (to - from < 10_000) return;
    this.from = from;
    this.to = to;
    for (const listener of [...this.listeners]) listener();
  }

  get isZoomed() {
    return this.from !== this.whole.from || this.to !== this.whole.to;
  }

  reset() {
    this.show(this.whole.from, this.whole.to);
  }

  /** Half of the span, around its middle. */
  zoomIn() {
    const quarter = (this.to - this.from) / 4;
    this.show(this.from + quarter, this.to - quarter);
  }

  /** Half a span earlier (-1) or later (1), inside the whole. */
  move(direction) {
    const by = (direction * (this.to - this.from)) / 2, shift = Math.max(this.whole.from - this.from, Math.min(this.whole.to - this.to, by));
    this.show(this.from + shift, this.to + shift);
  }

  extend(to) {
    const followed = this.to === this.whole.to;
    this.whole.to = Math.max(this.whole.to, to);
    if (followed) this.show(this.from, this.whole.to);
  }

  listen(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  pointAt(at, from) {
    for (const listener of this.cursorListeners) listener(at, from);
  }
}

/** Room left and right of every figure, so that they stand under each other. */
export const gutter = () => (innerWidth < 640 ? { left: 82, right: 8 } : { left: 104 * scale(), right: 18 * scale() });

/** Buttons that do by key and by touch what dragging across a figure does by mouse. */
export function zoomTools(axis) {
  const button = (key, text, act, label = null) => el("button", { key, onclick: act, "aria-label": label }, text);
  const zoomed = () => [button("earlier", "‹", () => axis.move(-1), "Earlier"), button("later", "›", () => axis.move(1), "Later"), button("reset", "Whole span", () => axis.reset())];
  return [button("zoom", "Zoom in", () => axis.zoomIn()), ...(axis.isZoomed ? zoomed() : [el("span", { class: "hint mouse-only", key: "hint" }, "Drag across a chart to zoom in to single windows.")])];
}

const STEPS_MIN = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080, 20160, 43200, 129_600];

export function ticks(from, to, width) {
  const step = (STEPS_MIN.find((minutes) => ((to - from) / (minutes * 60e3)) * 62 * scale() <= width) || 525_600) * 60e3;
  const found = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) found.push(at);
  return found;
}
