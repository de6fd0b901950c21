// Keeps the factory's page fresh and its buttons quick. The page is whole without it: forms and links.

const EVERY_MS = 3_000;
const SILENCE_MS = 15_000; // asked for so long in vain: what is shown is old

const work = document.getElementById("work");
const live = document.getElementById("live");
let heardMs = Date.now();

// Big buttons add to a count.
for (const button of document.querySelectorAll("[data-add]")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const field = document.getElementById(button.dataset.for);
    field.value = String((Number(field.value) || 0) + Number(button.dataset.add));
  });
}

// A second tap on the same button sends nothing; the server would count it once all the same.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
  setTimeout(() => delete form.dataset.sent, 5_000);
});

// Somebody is entering something: then only numbers are refreshed, nothing moves under their fingers.
function busy() {
  const active = document.activeElement;
  return Boolean(work.querySelector("details[open]")) || Boolean(active && active.matches("input, select"));
}

function show() {
  const heard = Date.now() - heardMs < SILENCE_MS;
  live.classList.toggle("on", heard);
  live.classList.toggle("off", !heard);
  work.classList.toggle("is-off", !heard);
  const word = heard ? live.dataset.on : live.dataset.off;
  const said = document.getElementById("live-word");
  if (said.textContent !== word) said.textContent = word;
}

async function refresh() {
  if (document.hidden) return;
  const chosen = new URLSearchParams(location.search).get("job");
  const address = chosen ? `/factory?job=${encodeURIComponent(chosen)}` : "/factory";
  const answer = await fetch(address, { headers: { Accept: "text/html" }, cache: "no-store" });
  if (answer.redirected) {
    location.reload(); // signed out
    return;
  }
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("work");
  if (!fresh) return;
  heardMs = Date.now();
  if (fresh.dataset.shape !== work.dataset.shape && !busy()) {
    location.assign(address); // a job came, went or changed its state
    return;
  }
  for (const element of fresh.querySelectorAll("[data-live]")) {
    const old = work.querySelectorAll(`[data-live="${CSS.escape(element.dataset.live)}"]`);
    for (const each of old) {
      if (each.isEqualNode(element) || each.matches("details[open]") || each.contains(document.activeElement)) continue;
      each.replaceChildren(...element.cloneNode(true).childNodes);
    }
  }
}

show();
setInterval(show, 1_000);
setInterval(() => refresh().catch(() => {}), EVERY_MS);
document.addEventListener("visibilitychange", () => refresh().catch(() => {}));
