// What a reader chose, remembered in this browser: local time beside UTC, light or dark.

const NAME = "highwater.preferences";
const listeners = new Set();

function read() {
  try {
    return JSON.parse(localStorage.getItem(NAME)) || {};
  } catch {
    return {};
  }
}

export const preferences = { local: false, theme: "system", ...read() };

export function prefer(changed) {
  Object.assign(preferences, changed);
  try {
    localStorage.setItem(NAME, JSON.stringify(preferences));
  } catch {
    // A browser that stores nothing still shows the choice until it is closed.
  }
  applyTheme();
  for (const listener of listeners) listener();
}

export function onPreference(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function applyTheme() {
  if (preferences.theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = preferences.theme;
}

export function isDark() {
  return preferences.theme === "dark" || (preferences.theme === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const listener of listeners) listener();
});
