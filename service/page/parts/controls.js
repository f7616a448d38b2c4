// Control Users: those without trouble, each as a share of what was expected, so that a change everyone saw is seen as one.

import { ask, withQuery } from "../core/api.js";
import { readTotals } from "../charts/series_data.js";

export const CONTROL_COLOURS = ["info", "good", "attention", "warning"];
const MOST = 4;

/** { users, at, lines }: the User first, then up to four others without trouble, the busiest in the last two days before `now` (ms). */
export async function readControls(user, suffering, axis, now, more) {
  const to = Math.min(axis.to, now), from = Math.max(axis.from, to - 48 * 3_600_000);
  const map = await ask(withQuery("/v1/series/heat", { from: new Date(from).toISOString(), to: new Date(to).toISOString(), bucket_s: 3600 }));
  const busy = map.users.map((name, row) => [name, map.messages[row].reduce((sum, value) => sum + (value || 0), 0)]);
  const users = busy.filter(([name, sum]) => !suffering.has(name) && sum > 0).sort((a, b) => b[1] - a[1]).slice(0, MOST).map(([name]) => name);
  const lines = await Promise.all([user, ...users].map((name) => readTotals(name, axis.from, axis.to, more, 240)));
  const at = [...new Set(lines.flatMap((line) => line.at))].sort((a, b) => a - b);
  const shares = lines.map((line) => {
    const share = new Map(line.at.map((one, index) => [one, line.expected[index] ? (100 * line.mean[index]) / line.expected[index] : null]));
    return at.map((one) => share.get(one) ?? null);
  });
  return { users, at, lines: [user, ...users].map((label, index) => ({ label, values: shares[index] })) };
}
