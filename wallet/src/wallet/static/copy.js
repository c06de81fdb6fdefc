"use strict";

// A browser has a clipboard on this machine and over TLS alone.
const copy = document.querySelector("#copy");
const copied = document.querySelector("#copied");

copy.hidden = !navigator.clipboard;
copy.addEventListener("click", async () => {
  copied.textContent = "";
  try {
    await navigator.clipboard.writeText(document.querySelector("#wallet-id").textContent);
    copied.textContent = "Copied";
  } catch {
    copied.textContent = "Not copied: select it, and copy it from there.";
  }
});
