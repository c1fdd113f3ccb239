// Writing: the field, command hints, reply keyboards, and everything else that can be sent.

const places = [["Berlin", 52.5219, 13.4132], ["London", 51.5074, -0.1278], ["New York", 40.7128, -74.006], ["Los Angeles", 34.0522, -118.2437], ["Kathmandu", 27.7172, 85.324], ["Tokyo", 35.6762, 139.6503], ["Sydney", -33.8568, 151.2153], ["Mid-Atlantic", 0, -30]];
let chosenHint = 0;
// What to do with the place that is chosen next.
let tellPlace = null;

function showCompose() {
  $("writer").hidden = !isGroup();
  $("slash").hidden = !room.commands.length;
  const keys = room.reply_keyboard;
  $("keys-toggle").hidden = !keys;
  $("keyboard").hidden = !keys || keysHidden || $("form").hidden;
  $("text").placeholder = keys?.placeholder || "Message";
  const from = JSON.stringify([current, keys]);
  if (showCompose.from !== from) {
    showCompose.from = from;
    $("keyboard").replaceChildren(...(keys?.rows || []).map(row => {
      const line = element("div");
      line.append(...row.map(key => {
        const button = element("button");
        if (key.request_location) button.append(icon("pin"));
        button.append(key.text);
        button.type = "button";
        button.onclick = () => key.request_location ? choosePlace(place => act("key", { button: key.text, ...place })) : act("key", { button: key.text });
        return button;
      }));
      return line;
    }));
  }
  showHints();
}

function hints() {
  const typed = $("text").value;
  if (!/^\/\S*$/.test(typed)) return [];
  return room.commands.filter(one => ("/" + one.command).startsWith(typed.toLowerCase()));
}

function showHints() {
  const fitting = $("form").hidden ? [] : hints();
  chosenHint = Math.min(chosenHint, Math.max(0, fitting.length - 1));
  $("hints").hidden = !fitting.length;
  $("hints").replaceChildren(...fitting.map((one, index) => {
    const button = element("button");
    button.type = "button";
    button.setAttribute("role", "option");
    button.setAttribute("aria-selected", String(index === chosenHint));
    const meaning = element("span", "", one.description);
    meaning.dir = "auto";
    button.append(element("b", "", "/" + one.command), meaning);
    button.onclick = () => { take("/" + one.command); };
    return button;
  }));
  $("hints").children[chosenHint]?.scrollIntoView({ block: "nearest" });
}

function take(text) {
  $("text").value = "";
  fitField();
  closeMenus();
  say(text);
}

function closeMenus() {
  $("attach").hidden = true;
  $("clip").setAttribute("aria-expanded", "false");
  chosenHint = 0;
  showHints();
}

function fitField() {
  const field = $("text");
  field.style.height = "auto";
  field.style.height = `${Math.min(field.scrollHeight, 144)}px`;
}

function choosePlace(tell) {
  tellPlace = tell;
  $("places-form").reset();
  $("places").showModal();
}

$("places-list").append(...places.map(([name, latitude, longitude]) => {
  const button = element("button", "", name);
  button.type = "button";
  button.onclick = () => { $("places").close(""); tellPlace({ latitude, longitude }); };
  return button;
}));
$("places").onclose = () => {
  if ($("places").returnValue !== "send") return;
  const [latitude, longitude] = $("place").value.split(/[,;\s]+/).filter(Boolean).map(Number);
  if (Number.isFinite(latitude) && Number.isFinite(longitude)) tellPlace({ latitude, longitude });
  else notify("Write it as latitude, longitude: 52.52, 13.41");
};

$("clip").onclick = () => {
  $("attach").hidden = !$("attach").hidden;
  $("clip").setAttribute("aria-expanded", String(!$("attach").hidden));
};
for (const button of $("attach").children) {
  button.onclick = () => {
    const kind = button.dataset.kind;
    closeMenus();
    if (kind === "location") choosePlace(place => act("location", place));
    else if (kind === "photo" || kind === "document") {
      $("file").accept = kind === "photo" ? "image/png,image/jpeg" : "";
      $("file").value = "";
      $("file").onchange = () => sendFile(kind, $("file").files[0]);
      $("file").click();
    } else act(kind, {});
  };
}

function sendFile(kind, file) {
  if (!file) return;
  const reader = new FileReader();
  reader.onload = () => act(kind, { base64: String(reader.result).split(",")[1] || "", file_name: file.name, mime_type: file.type || "application/octet-stream", caption: $("text").value.trim() }).then(sent => {
    if (sent) { $("text").value = ""; fitField(); }
  });
  reader.readAsDataURL(file);
}

$("slash").onclick = () => {
  $("text").value = $("text").value === "/" ? "" : "/";
  $("text").focus();
  chosenHint = 0;
  showHints();
};
$("keys-toggle").onclick = () => { keysHidden = !keysHidden; showCompose(); };
$("text").oninput = () => { fitField(); chosenHint = 0; showHints(); };
$("text").onkeydown = event => {
  const fitting = hints();
  if (fitting.length && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    chosenHint = (chosenHint + (event.key === "ArrowDown" ? 1 : fitting.length - 1)) % fitting.length;
    showHints();
  } else if (fitting.length && event.key === "Tab") {
    event.preventDefault();
    $("text").value = `/${fitting[chosenHint].command} `;
    showHints();
  } else if (event.key === "Escape") {
    closeMenus();
    $("hints").hidden = true;
  } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    if (fitting.length) take("/" + fitting[chosenHint].command);
    else $("form").requestSubmit();
  }
};
$("form").onsubmit = event => {
  event.preventDefault();
  const text = $("text").value.trim();
  if (text) take(text);
};
$("start").onclick = async () => {
  const text = payload ? `/start ${payload}` : "/start";
  payload = null;
  history.replaceState(null, "", "/chat");
  room.version = -1;
  await say(text);
};
$("block").onclick = () => act(room.blocked ? "unblock" : "block", {});
$("writer").onchange = () => { remember("writer", $("writer").value); showRoom(true); };
$("down").onclick = () => toTheEnd();
$("wall").onscroll = () => {
  atEnd = isAtEnd();
  $("down").hidden = atEnd;
};
// Keys that appear, a keyboard that opens and pictures that arrive change the room there is: whoever was at the end stays there.
const stay = new ResizeObserver(() => { if (atEnd) toTheEnd(); });
stay.observe($("wall"));
stay.observe($("column"));

async function keep() {
  clearTimeout(keep.timer);
  try {
    await look();
  } catch {
    $("room-status").textContent = "not reachable";
    room.version = -1;
  }
  clearTimeout(keep.timer);
  keep.timer = setTimeout(keep, document.visibilityState === "visible" ? 600 : 3000);
}
document.onvisibilitychange = () => keep();
keep();
