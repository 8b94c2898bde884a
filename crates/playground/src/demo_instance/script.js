"use strict";

const at = (id) => document.getElementById(id);

at("upload").addEventListener("submit", async (event) => {
  event.preventDefault();
  const [file] = at("file").files;
  const name = file.name.replace(/[^A-Za-z0-9._-]+/g, "-").slice(-64);
  const said = at("uploaded");
  try {
    const answer = await fetch(`files/${name}`, { method: "PUT", body: file });
    if (answer.ok) location.reload();
    else said.textContent = `Not uploaded (${answer.status}): ${await answer.text()}`;
  } catch {
    said.textContent = "Not uploaded: the connection was lost.";
  }
});

at("listen").addEventListener("click", () => {
  const button = at("listen");
  const events = new EventSource("events");
  button.disabled = true;
  at("events").textContent = "";
  const show = (text) => { at("events").textContent += `${text}\n`; };
  const end = (text) => { show(text); events.close(); button.disabled = false; };
  events.addEventListener("message", (event) => show(event.data));
  events.addEventListener("end", (event) => end(event.data));
  events.addEventListener("error", () => end("The connection was lost."));
});

let socket;

at("speak").addEventListener("submit", (event) => {
  event.preventDefault();
  const words = at("words").value;
  if (socket && socket.readyState === WebSocket.OPEN) socket.send(words);
  else open(words);
});

function open(words) {
  const url = new URL("echo", document.baseURI);
  url.protocol = url.protocol.replace("http", "ws");
  at("echo").textContent = "";
  const show = (text) => { at("echo").textContent += `${text}\n`; };
  socket = new WebSocket(url);
  socket.addEventListener("open", () => socket.send(words));
  socket.addEventListener("message", (event) => show(event.data));
  socket.addEventListener("close", (event) => show(`Closed with ${event.code}${event.reason && ": "}${event.reason}`));
}
