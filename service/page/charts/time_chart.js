// A line chart over time (uPlot), with a band of what is usual, marks for what happened, and its figures as a table.

import { el, render } from "../core/dom.js";
import { clockText, dayText, number, shortNumber, timeText } from "../core/words.js";
import { table } from "../parts/alert_table.js";
import { onPreference } from "../core/preferences.js";
import { gutter, scale, ticks } from "./time_axis.js";

export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const DASHES = { dashed: [6, 4], solid: undefined };

/**
 * `draw({ at, lines, band, marks, cone })`: `at` in ms; `lines` [{ label, values, colour, style, fill }]; `band` { low, high, label };
 * `marks` [{ at, text, colour }]; `cone` [[at, low, high], …] of what is to come.
 */
export class TimeChart {
  constructor(axis, { title, unit, height = 220 }) {
    Object.assign(this, { axis, title, unit, height });
    this.plot = null;
    this.place = el("div", { class: "chart", role: "img", "aria-label": title });
    this.legend = el("p", { class: "legend" });
    this.summaryNode = el("p", { class: "soft" });
    this.rows = el("div", {});
    this.details = el("details", { class: "no-print", ontoggle: () => this.data && this.drawTable() }, el("summary", {}, "As a table"), this.rows);
    this.node = el("figure", { class: "figure" }, el("figcaption", { class: "chart-title" }, title), this.legend, this.place, this.summaryNode, this.details);
    this.unlisten = axis.listen(() => this.plot?.setScale("x", { min: axis.from / 1000, max: axis.to / 1000 }));
    this.unprefer = onPreference(() => this.data && this.draw(this.data)); // a picture keeps the colours in which it was drawn
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(this.place);
  }

  leave() {
    this.unlisten();
    this.unprefer();
    this.sizes.disconnect();
    this.plot?.destroy();
  }

  draw(data) {
    this.data = data;
    this.size = scale();
    const shape = JSON.stringify([this.size, data.lines.map((line) => [line.label, line.colour, line.style]), Boolean(data.band), document.documentElement.dataset.theme, colour("paper")]);
    this.drawLegend();
    this.drawTable();
    if (!data.at.length) return this.nothing();
    this.summaryNode.textContent = this.sentence();
    if (this.plot && shape === this.shape) {
      this.plot.setData(this.columns(), false);
      this.plot.setScale("x", { min: this.axis.from / 1000, max: this.axis.to / 1000 });
      return;
    }
    this.shape = shape;
    this.plot?.destroy();
    this.place.replaceChildren();
    this.plot = new globalThis.uPlot(this.options(), this.columns(), this.place);
  }

  nothing() {
    this.plot?.destroy();
    this.plot = null;
    render(this.place, el("p", { class: "empty" }, "Nothing was reported in this span."));
    this.summaryNode.textContent = "";
  }

  columns() {
    const { at, lines, band } = this.data;
    return [at.map((one) => one / 1000), ...lines.map((line) => line.values), ...(band ? [band.high, band.low] : [])];
  }

  options() {
    const { lines, band } = this.data, sides = gutter(), count = lines.length, { size } = this;
    const line = (one) => ({ label: one.label, stroke: colour(one.colour), width: one.width || 1.8, dash: DASHES[one.style || "solid"], fill: one.fill ? `${colour(one.colour)}22` : undefined, points: { show: false }, spanGaps: false });
    const edge = (label) => ({ label, stroke: "transparent", width: 0, points: { show: false } });
    const axis = { stroke: colour("soft"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false }, font: `${12 * size}px system-ui` };
    return {
      width: this.place.clientWidth || 600, height: this.height * size, padding: [8, sides.right, 0, 0], legend: { show: false },
      scales: { x: { time: false, range: () => [this.axis.from / 1000, this.axis.to / 1000] }, y: { range: (_, low, high) => [0, this.top(high)] } },
      series: [{}, ...lines.map(line), ...(band ? [edge("high"), edge("low")] : [])],
      bands: band ? [{ series: [count + 1, count + 2], fill: `${colour("info")}33` }] : [],
      axes: [
        { ...axis, size: 30 * size, splits: () => ticks(this.axis.from, this.axis.to, this.place.clientWidth - sides.left).map((one) => one / 1000), values: (_, found) => found.map((one) => tickText(one * 1000)) },
        { ...axis, size: sides.left, space: 30 * size, values: (_, found) => found.map(shortNumber) },
      ],
      cursor: { sync: { key: this.axis.key, setSeries: false }, drag: { x: true, y: false, setScale: false }, points: { size: 7 } },
      hooks: { draw: [(plot) => this.drawMarks(plot)], setSelect: [(plot) => this.selected(plot)], setCursor: [(plot) => this.pointed(plot)] },
    };
  }

  top(high) {
    const known = [high || 0, ...(this.data.levels || []).map((level) => level.value), ...(this.data.cone || []).map((point) => point[2])];
    return Math.max(1, ...known) * 1.06;
  }

  selected(plot) {
    if (plot.select.width < 6) return;
    const from = plot.posToVal(plot.select.left, "x") * 1000, to = plot.posToVal(plot.select.left + plot.select.width, "x") * 1000;
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.axis.show(from, to);
  }

  pointed(plot) {
    const index = plot.cursor.idx;
    this.axis.pointAt(plot.cursor.left >= 0 ? plot.posToVal(plot.cursor.left, "x") * 1000 : null, this);
    this.drawLegend(plot.cursor.left >= 0 ? index : null);
  }

  drawMarks(plot) {
    const { ctx } = plot, ratio = devicePixelRatio * this.size, { left, top, width, height } = plot.bbox;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    ctx.font = `${11 * ratio}px system-ui`;
    for (const level of this.data.levels || []) this.drawLevel(plot, level, ratio);
    if (this.data.cone?.length) this.drawCone(plot);
    let lastX = -Infinity, row = 0;
    for (const mark of [...(this.data.marks || [])].sort((a, b) => a.at - b.at)) {
      const x = plot.valToPos(mark.at / 1000, "x", true);
      if (x < left || x > left + width) continue;
      row = x - lastX < 70 * ratio ? row + 1 : 0;
      lastX = x;
      ctx.strokeStyle = ctx.fillStyle = colour(mark.colour);
      ctx.lineWidth = 1.4 * ratio;
      ctx.setLineDash([4 * ratio, 3 * ratio]);
      ctx.beginPath();
      ctx.moveTo(x, top);
      ctx.lineTo(x, top + height);
      ctx.stroke();
      const flips = x > left + width - 80 * ratio;
      ctx.textAlign = flips ? "right" : "left";
      ctx.fillText(mark.text, x + (flips ? -4 : 4) * ratio, top + (11 + (row % 4) * 13) * ratio);
    }
    ctx.restore();
  }

  drawLevel(plot, level, ratio) {
    const { ctx } = plot, { left, width } = plot.bbox, y = plot.valToPos(level.value, "y", true);
    ctx.strokeStyle = ctx.fillStyle = colour(level.colour);
    ctx.lineWidth = 1.5 * ratio;
    ctx.setLineDash([8 * ratio, 4 * ratio]);
    ctx.beginPath();
    ctx.moveTo(left, y);
    ctx.lineTo(left + width, y);
    ctx.stroke();
    ctx.textAlign = "right";
    const below = y - plot.bbox.top < 16 * ratio;
    ctx.fillText(level.text, left + width - 4 * ratio, below ? y + 13 * ratio : y - 4 * ratio);
  }

  drawCone(plot) {
    const { ctx } = plot, x = (at) => plot.valToPos(at / 1000, "x", true), y = (value) => plot.valToPos(value, "y", true);
    const { cone } = this.data;
    ctx.setLineDash([]);
    ctx.fillStyle = `${colour("warning")}40`;
    ctx.strokeStyle = colour("warning");
    ctx.beginPath();
    cone.forEach(([at, low], index) => (index ? ctx.lineTo(x(at), y(low)) : ctx.moveTo(x(at), y(low))));
    for (const [at, , high] of [...cone].reverse()) ctx.lineTo(x(at), y(high));
    ctx.closePath();
    ctx.fill();
    ctx.stroke();
  }

  resize() {
    if (!this.plot || !this.place.clientWidth || this.place.clientWidth === this.plot.width) return;
    if (this.size === scale()) this.plot.setSize({ width: this.place.clientWidth, height: this.height * this.size });
    else this.draw(this.data);
  }

  drawLegend(index = null) {
    const { lines, band, at } = this.data;
    const value = (values) => (index === null || index === undefined || values[index] === null || values[index] === undefined ? "" : `: ${number(values[index])}`);
    const parts = lines.map((line) => el("span", { key: line.label }, swatch(line), `${line.label}${value(line.values)}`));
    if (band) parts.push(el("span", { key: "band" }, box("info"), band.label));
    const when = index === null || index === undefined || !at[index] ? `${this.unit}` : timeText(at[index]);
    render(this.legend, el("span", { key: "when" }, when), ...parts);
  }

  sentence() {
    const { at, lines: [{ label, values }] } = this.data;
    let last = -1, highest = -1;
    for (let index = 0; index < values.length; index++) {
      if (values[index] === null || values[index] === undefined) continue;
      last = index;
      if (highest < 0 || values[index] > values[highest]) highest = index;
    }
    return last < 0 ? "" : `${label}: last ${number(values[last])} at ${clockText(at[last])} UTC, highest ${number(values[highest])} at ${timeText(at[highest])}.`;
  }

  /** Only while somebody reads it. */
  drawTable() {
    if (!this.details.open) return;
    const { at, lines, table: extra } = this.data;
    const step = Math.max(1, Math.ceil(at.length / 60));
    const rows = [];
    for (let low = 0; low < at.length; low += step) rows.push(this.row(low, Math.min(at.length, low + step), lines, extra));
    render(this.rows, table(["Until", ...lines.flatMap((line) => [`${line.label}, lowest`, "highest"])], rows, `${this.title} as a table`));
  }

  row(low, high, lines) {
    const cells = lines.flatMap((line) => {
      const span = (line.lows || line.values).slice(low, high).filter((value) => value !== null), most = (line.highs || line.values).slice(low, high).filter((value) => value !== null);
      return [span.length ? number(Math.min(...span)) : "–", most.length ? number(Math.max(...most)) : "–"];
    });
    return el("tr", {}, el("td", {}, timeText(this.data.at[high - 1])), ...cells.map((text) => el("td", { class: "number" }, text)));
  }
}

function tickText(at) {
  const date = new Date(at);
  return date.getUTCHours() || date.getUTCMinutes() ? clockText(at) : dayText(at).replace(/ \d+$/, "");
}

function swatch(line) {
  const mark = el("i", { class: line.style === "dashed" ? "dashed" : "" });
  mark.style.borderTopColor = colour(line.colour);
  return mark;
}

function box(name) {
  const mark = el("i", { class: "fill" });
  mark.style.background = `${colour(name)}55`;
  return mark;
}
