// Keeps a page fresh: asks for it again and again, takes the element with `data-fresh` when it changed, and
// ticks ages. The server answers 304 when nothing is new. The pages are whole without it.

const EVERY_MS = 5_000;
const SILENCE_MS = 20_000; // asked for so long in vain: what is shown is old

let root = document.querySelector("main [data-fresh]");
let ahead = Number(root.dataset.now) - Date.now(); // the server's clock, from ours
let heardMs = Date.now();

const now = () => Date.now() + ahead;

function tick() {
  for (const each of root.querySelectorAll("[data-age]")) {
    say(each, age(now() - Number(each.dataset.age)));
  }
  if (root.dataset.fresh === "0") return; // nothing is calculated yet, and the page says so
  const heard = Date.now() - heardMs < SILENCE_MS;
  const old = now() - Number(root.dataset.fresh) > Number(root.dataset.staleMs);
  const live = document.getElementById("live");
  live.classList.toggle("on", heard && !old);
  live.classList.toggle("off", !heard);
  root.classList.toggle("stale", !heard || old);
  say(document.getElementById("live-word"), heard ? (old ? "" : live.dataset.on) : live.dataset.off);
}

// What is open and focused stays so.
function take(fresh) {
  const open = [...root.querySelectorAll("details[open]")].map((each) => each.id);
  const focused = root.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  const scrolled = [...root.querySelectorAll(".scroll, .scroll-x, .heat-map")].map((each) => each.scrollLeft);
  root.replaceWith(fresh);
  root = fresh;
  for (const id of open) document.getElementById(id)?.setAttribute("open", "");
  [...root.querySelectorAll(".scroll, .scroll-x, .heat-map")].forEach((each, at) => {
    each.scrollLeft = scrolled[at] ?? 0;
  });
  if (focused) root.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

async function refresh() {
  if (document.hidden || root.querySelector("form :is(input:not([type=hidden]), select, textarea):focus")) return;
  const answer = await fetch(location.href, {
    headers: { Accept: "text/html", "If-None-Match": root.dataset.etag },
    cache: "no-store",
  });
  if (answer.redirected) {
    location.reload(); // signed out
    return;
  }
  if (answer.status !== 304) {
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.querySelector("main [data-fresh]");
    if (!fresh) return;
    ahead = Number(fresh.dataset.now) - Date.now();
    if (fresh.dataset.fresh !== "0") take(fresh); // else it has just started: the last figures stay, with their age
  }
  heardMs = Date.now();
  tick();
}

tick();
setInterval(tick, 1000);
setInterval(() => refresh().catch(() => {}), EVERY_MS);
document.addEventListener("visibilitychange", () => refresh().catch(() => {}));
