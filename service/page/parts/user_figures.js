// A User's own figures on one time axis: both directions with what is due, failures, queues, changes.

import { Lanes, changeRows } from "../charts/lanes.js";
import { highest, readQueues, readTotals, usualBand } from "../charts/series_data.js";
import { TimeAxis, zoomTools } from "../charts/time_axis.js";
import { TimeChart } from "../charts/time_chart.js";
import { ask, withQuery } from "../core/api.js";
import { attempt } from "../core/dialogs.js";
import { el, render } from "../core/dom.js";
import { instant } from "../core/words.js";

const DIRECTIONS = [["to_dsp", "Messages to the DSP, a minute"], ["to_user", "Messages to the User, a minute"]];

export class UserFigures {
  constructor(user, from, to, { more = {}, alerts = () => [] } = {}) {
    Object.assign(this, { user, more, alerts });
    this.axis = new TimeAxis(from, to);
    this.rates = DIRECTIONS.map(([direction, title]) => ({ direction, chart: new TimeChart(this.axis, { title, unit: "a minute", height: 170 }) }));
    this.queue = new TimeChart(this.axis, { title: "Queue depth", unit: "messages waiting", height: 150 });
    this.lanes = new Lanes(this.axis, { title: "Changes", label: "Changes as lanes: planned hatched, actual solid" });
    this.figures = [...this.rates.map((one) => one.chart), this.queue, this.lanes];
    this.tools = el("div", { class: "tools" });
    this.node = el("div", {}, this.tools, ...this.figures.map((figure) => figure.node));
    this.axis.listen(() => {
      this.drawTools();
      clearTimeout(this.soon);
      this.soon = setTimeout(() => this.read(), 200);
    });
    this.drawTools();
  }

  leave() {
    clearTimeout(this.soon);
    for (const figure of this.figures) figure.leave();
  }

  drawTools() {
    render(this.tools, ...zoomTools(this.axis));
  }

  async choose(more) {
    this.more = more;
    await this.read();
  }

  async read() {
    const { from, to } = this.axis;
    await attempt(async () => {
      const window = withQuery("/v1/calendar", { from: new Date(from).toISOString(), to: new Date(Math.min(to, from + 90 * 86_400_000)).toISOString(), limit: 500 });
      const [lines, queues, calendar] = await Promise.all([Promise.all(this.rates.map(({ direction }) => readTotals(this.user, from, to, { direction, ...this.more }))), readQueues(this.user, from, to), ask(window)]);
      if (!this.axis.isZoomed) this.lastAt = [...lines, ...queues].reduce((last, line) => Math.max(last, line.at.at(-1) ?? 0), 0) || null;
      this.rates.forEach(({ chart }, index) => this.drawRate(chart, lines[index]));
      this.drawQueue(queues);
      const near = calendar.items.filter((one) => (one.owner === this.user || one.source !== "user") && !["draft", "cancelled"].includes(one.status)).slice(0, 20);
      this.lanes.set(changeRows(near), this.marks(), near.length ? "Own changes and the DCC's." : "No change of this User or of the DCC in this span.");
    });
  }

  marks() {
    return this.alerts().flatMap((alert) => [[alert.onset_at, alert.kind, "critical"], [alert.ended_at || alert.resolved_at, "over", "good"]]).filter(([at]) => at).slice(0, 12).map(([at, text, colour]) => ({ at: Date.parse(at), text, colour }));
  }

  drawRate(chart, line) {
    const isTrouble = (at) => this.alerts().some((one) => at >= Date.parse(one.onset_at) && at <= (instant(one.ended_at || one.resolved_at) || Infinity));
    const lines = [{ label: "messages", values: line.mean, lows: line.low, highs: line.high, colour: "accent" }, { label: "expected", values: line.expected, colour: "soft", style: "dashed", width: 1.3 }, { label: "failures", values: line.failures, colour: "critical", fill: true, width: 1.2 }];
    chart.draw({ at: line.at, lines, band: usualBand(line, isTrouble), marks: this.marks() });
  }

  drawQueue(queues) {
    const shown = queues.filter((one) => highest(one.high) > 0).slice(0, 3), colours = ["accent", "attention", "good"];
    const at = [...new Set(shown.flatMap((one) => one.at))].sort((a, b) => a - b);
    const lines = shown.map((one, index) => {
      const known = new Map(one.at.map((each, place) => [each, one.high[place]]));
      return { label: one.queue, values: at.map((each) => known.get(each) ?? null), colour: colours[index], fill: index === 0 };
    });
    this.queue.node.hidden = !shown.length;
    if (shown.length) this.queue.draw({ at, lines, marks: this.marks() });
  }
}
