// Keeps the floor page live: swaps the tiles that changed, ticks ages, and says so when the stream is down.
// The page is useful without it: filters are links, and every number is in the HTML.

const board = document.getElementById("board");
const live = document.getElementById("live");
const liveWord = document.getElementById("live-word");
const banner = document.getElementById("banner");
const spoken = document.getElementById("spoken");
const staleMs = Number(board.dataset.staleMs);

const SILENCE_MS = 16_000; // three heartbeats missed: the stream is down, whatever the browser thinks
const RETRY_MS = 2_000;

let ahead = Number(board.dataset.now) - Date.now(); // the server's clock, from ours
let tiles = new Map();
let source = null;
let heardMs = Date.now();
let down = false;

const now = () => Date.now() + ahead;
const keyOf = (factory, machine) => JSON.stringify([factory, machine]);

function remember() {
  tiles = new Map();
  for (const tile of board.querySelectorAll(".tile")) {
    tiles.set(keyOf(tile.dataset.factory, tile.dataset.machine), tile);
  }
}

function tick(tile) {
  const lasts = tile.querySelector("[data-lasts]");
  const heard = tile.querySelector("[data-age]");
  if (lasts) say(lasts, duration(now() - Number(lasts.dataset.lasts)));
  if (heard) say(heard, age(now() - Number(heard.dataset.age)));
  const heardAt = tile.dataset.heard;
  tile.classList.toggle("stale", heardAt !== "" && now() - Number(heardAt) > staleMs);
}

function tickAll() {
  for (const tile of tiles.values()) if (!tile.hidden) tick(tile);
  if (Date.now() - heardMs > SILENCE_MS) lost();
}

function matches(tile) {
  const { process, state } = board.dataset;
  return (!process || tile.dataset.process === process) && (!state || tile.dataset.state === state);
}

function count() {
  const counts = { ALL: 0 };
  let shown = 0;
  for (const tile of tiles.values()) {
    if (!tile.hidden) shown += 1;
    if (board.dataset.process && tile.dataset.process !== board.dataset.process) continue;
    counts.ALL += 1;
    counts[tile.dataset.state] = (counts[tile.dataset.state] || 0) + 1;
  }
  for (const element of board.querySelectorAll("[data-count]")) {
    say(element, String(counts[element.dataset.count] || 0));
  }
  for (const row of board.querySelectorAll("[data-factory-row]")) {
    row.hidden = !row.querySelector(".tile:not([hidden])");
  }
  const none = document.getElementById("no-match");
  if (none) none.hidden = shown > 0;
}

function swap({ factory, machine, html }) {
  const old = tiles.get(keyOf(factory, machine));
  if (!old) {
    reload();
    return;
  }
  const template = document.createElement("template");
  template.innerHTML = html;
  const fresh = template.content.firstElementChild;
  fresh.hidden = !matches(fresh);
  tick(fresh);
  if (fresh.isEqualNode(old)) return;
  old.replaceWith(fresh);
  tiles.set(keyOf(factory, machine), fresh);
  if (fresh.dataset.state !== old.dataset.state) {
    count();
    if (fresh.dataset.state === "DOWN") {
      const state = fresh.querySelector(".word strong").textContent;
      say(spoken, `${fresh.querySelector("h3").textContent}: ${state}`);
    }
  }
}

// A machine that this page has not seen: take the whole board anew, once however many there are.
let reloading = null;
function reload() {
  reloading ??= fetch(location.href, { headers: { Accept: "text/html" } })
    .then((answer) => (answer.ok ? answer.text() : Promise.reject(new Error(String(answer.status)))))
    .then((text) => {
      const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("board");
      if (!fresh) {
        location.reload(); // signed out
        return;
      }
      board.replaceChildren(...fresh.childNodes);
      remember();
      tickAll();
    })
    .catch(() => {})
    .finally(() => {
      setTimeout(() => (reloading = null), 1000);
    });
}

function connect() {
  source?.close();
  source = new EventSource(board.dataset.events);
  source.addEventListener("heartbeat", (event) => {
    ahead = Number(event.data) - Date.now();
    alive();
  });
  source.addEventListener("machines", (event) => {
    alive();
    for (const tile of JSON.parse(event.data)) swap(tile);
  });
  source.addEventListener("error", () => {
    lost();
    if (source.readyState === EventSource.CLOSED) setTimeout(again, RETRY_MS);
  });
}

// The stream was refused, not broken off: perhaps the session is over, then the page leads to the sign-in.
function again() {
  fetch(location.href, { method: "GET", redirect: "manual" })
    .then((answer) => (answer.type === "opaqueredirect" ? location.reload() : connect()))
    .catch(() => setTimeout(again, RETRY_MS));
}

function alive() {
  heardMs = Date.now();
  if (down || !live.classList.contains("on")) show(false);
}

function lost() {
  if (!down) show(true);
  if (Date.now() - heardMs > SILENCE_MS) {
    heardMs = Date.now();
    connect();
  }
}

function show(isDown) {
  down = isDown;
  live.classList.toggle("on", !isDown);
  live.classList.toggle("off", isDown);
  board.classList.toggle("is-off", isDown);
  say(liveWord, isDown ? live.dataset.off : live.dataset.on);
  banner.hidden = !isDown;
  say(banner, isDown ? banner.dataset.text : "");
}

remember();
tickAll();
setInterval(tickAll, 1000);
connect();
