"use strict";

// Adds a copy button to every box; without this script the boxes are plain text that can be selected.
for (const box of document.querySelectorAll(".copyable")) {
  const code = box.querySelector("code");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.setAttribute("aria-label", `Copy: ${box.dataset.what}`);
  button.addEventListener("click", async () => {
    const copied = await copy(code);
    button.textContent = copied ? "Copied" : "Press Ctrl-C";
    setTimeout(() => { button.textContent = "Copy"; }, 1800);
  });
  box.prepend(button);
}

async function copy(code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    return true;
  } catch {
    // No clipboard (another host name without TLS): select, so that a key does the rest.
    getSelection().selectAllChildren(code);
    return false;
  }
}
