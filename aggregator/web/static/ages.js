// Says how long ago something was, in the words of the page: its element with `data-words`.

const words = JSON.parse(document.querySelector("[data-words]").dataset.words);

// Durations read as in aggregator/web/formats.py.
function duration(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [minutes, hours, days] = [60, 3600, 86400].map((unit) => Math.floor(seconds / unit));
  const fill = (pattern, a, b) => pattern.replace("{a}", a).replace("{b}", b);
  if (days) return fill(words.days, days, hours % 24);
  if (hours) return fill(words.hours, hours, minutes % 60);
  if (minutes) return fill(words.minutes, minutes, seconds % 60);
  return fill(words.seconds, seconds, "");
}

function age(ms) {
  return ms < 1000 ? words.now : words.ago.replace("{age}", duration(ms));
}

function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
