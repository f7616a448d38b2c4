// Applies the chosen theme before the first paint; a classic script, because modules run after it.
document.documentElement.classList.add("js");
try {
  const { theme } = JSON.parse(localStorage.getItem("highwater.preferences")) || {};
  if (theme === "dark" || theme === "light") document.documentElement.dataset.theme = theme;
} catch {
  // Without a stored choice the system's theme counts.
}
