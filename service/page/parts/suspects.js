// Suspects: the change that may be behind it, how sure that is, and why; evidence, not blame.

import { el } from "../core/dom.js";
import { store } from "../core/store.js";
import { judge } from "./actions.js";

const VERDICTS = {
  probable: "size, timing and persistence agree",
  possible: "some of it fits",
  coincident: "open then, but another explanation is better",
  excluded: "something rules it out",
};

export const suspectName = (suspect) => {
  if (suspect.basis === "other_party") return "another party's change";
  return suspect.change_id ? `${suspect.change_id} of ${suspect.owner}` : `an undeclared change of ${suspect.owner}`;
};

const judged = (state, suspect) => state?.suspects?.find((one) => (one.change_id ?? null) === suspect.change_id && (one.owner ?? suspect.owner) === suspect.owner);

export function verdictChip(verdict) {
  return el("span", { class: `chip verdict-${verdict}`, title: VERDICTS[verdict] }, verdict);
}

export function suspectLine(suspect) {
  return el("span", { class: "suspect-line" }, verdictChip(suspect.verdict), ` ${suspectName(suspect)}`);
}

export function suspectList(incident, state, { open = false } = {}) {
  if (!incident.suspects.length) return el("p", { class: "soft" }, "No change is suspected.");
  const rows = incident.suspects.map((suspect) => el("li", { key: `${suspect.owner}/${suspect.change_id}` }, suspectLine(suspect), judgement(incident, state, suspect), reasons(suspect, open)));
  return el("ul", { class: "suspects" }, ...rows);
}

function judgement(incident, state, suspect) {
  const found = judged(state, suspect);
  const ruling = found ? el("strong", {}, ` ${found.verdict} by ${found.by}`) : null;
  if (!store.mayAct || !incident.incident_id || suspect.basis === "other_party") return ruling;
  const button = (verdict, text) => el("button", { class: "quiet small", onclick: () => judge(incident, suspect, verdict) }, text);
  return el("span", { class: "judge" }, ruling, found?.verdict === "confirmed" ? null : button("confirmed", "Confirm"), found?.verdict === "refuted" ? null : button("refuted", "Refute"));
}

function reasons(suspect, open) {
  if (!suspect.reasons.length) return null;
  return el("details", { open }, el("summary", {}, `Why (score ${suspect.score})`), el("ul", {}, ...suspect.reasons.map((reason) => el("li", {}, reason.text))));
}
