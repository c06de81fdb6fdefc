"use strict";

// How often an open page looks whether its wallet has changed.
const everyMs = 4_000;

const shown = document.querySelector("#now");
const news = document.querySelector("#news");

async function look() {
  // Saving a balance puts a newer part in the place of this one.
  const known = document.querySelector("#now").dataset.state;
  const answer = await fetch(shown.dataset.look, { cache: "no-store" });
  if (answer.ok) {
    const now = await answer.text();
    news.hidden = now === known || known !== document.querySelector("#now").dataset.state;
  }
}

async function lookNow() {
  if (document.visibilityState === "visible") {
    // Someone offline, or signed out, is told when they do something.
    await look().catch(() => undefined);
  }
}

document.addEventListener("visibilitychange", lookNow);
setInterval(lookNow, everyMs);
