// The list of chats: people and groups, the newest first, with dots for what was not read.

function showList(now) {
  const read = remembered("read") || {};
  const open = !$("app").classList.contains("listing") || getComputedStyle(document.querySelector(".room")).display !== "none";
  if (now && open && document.visibilityState === "visible") read[current] = now.messages_from_bot;
  for (const chat of chats) read[chat.chat_id] = Math.min(read[chat.chat_id] || 0, chat.messages_from_bot);
  remember("read", read);
  const sorted = [...chats];
  if (!now) sorted.push({ chat_id: current, name: `Person ${current}`, messages_from_bot: 0, last: null });
  sorted.sort((a, b) => (b.last?.date || "").localeCompare(a.last?.date || "") || a.name.localeCompare(b.name));
  const from = JSON.stringify([sorted, read, current]);
  if (showList.from === from) return;
  showList.from = from;
  const focused = document.activeElement?.dataset?.chat;
  $("list").replaceChildren(...sorted.map(chat => entry(chat, chat.messages_from_bot - (read[chat.chat_id] || 0))));
  if (focused) $("list").querySelector(`[data-chat="${Number(focused)}"]`)?.focus();
  const people = chats.filter(chat => chat.chat_id > 0);
  const names = JSON.stringify(people.map(person => [person.chat_id, person.name]));
  if (showList.names !== names) {
    showList.names = names;
    const chosen = $("writer").value || remembered("writer") || "1001";
    $("writer").replaceChildren(...people.map(person => new Option(person.name, person.chat_id)));
    $("writer").value = chosen;
  }
}

function entry(chat, unread) {
  const made = element("button", "entry");
  made.type = "button";
  made.dataset.chat = chat.chat_id;
  made.setAttribute("aria-current", String(chat.chat_id === current));
  const about = element("span", "about");
  const top = element("span", "line"), bottom = element("span", "line");
  const name = element("b", "", chat.name);
  name.dir = "auto";
  top.append(name);
  if (chat.last) top.append(element("time", "", new Date(chat.last.date).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })));
  const last = element("span", "last", chat.typing ? "typing…" : chat.last ? chat.last.text : "No messages yet");
  last.dir = "auto";
  bottom.append(last);
  if (unread > 0) {
    const dot = element("span", "dot", String(unread));
    dot.setAttribute("aria-label", `${unread} unread`);
    bottom.append(dot);
  }
  about.append(top, bottom);
  made.append(face(chat.name, chat.chat_id), about);
  made.onclick = () => enter(chat.chat_id);
  return made;
}

function enter(chat) {
  current = chat;
  remember("chat", chat);
  $("app").classList.remove("listing");
  keysHidden = false;
  $("text").value = "";
  closeMenus();
  keep();
  if (matchMedia("(min-width: 46.01rem)").matches) $("text").focus();
}

$("back").onclick = () => { $("app").classList.add("listing"); showList.from = ""; keep(); };
$("add").onclick = () => {
  $("newcomer-form").reset();
  $("newcomer").showModal();
  $("newcomer-name").focus();
};
$("newcomer").onclose = async () => {
  const name = $("newcomer-name").value.trim();
  if ($("newcomer").returnValue !== "add" || !name) return;
  const group = new FormData($("newcomer-form")).get("kind") === "group";
  const ids = chats.map(chat => chat.chat_id);
  const id = group ? Math.min(-500, ...ids) - 1 : Math.max(1000, ...ids.filter(one => one < 1e9)) + 1;
  try {
    await ask(path("", id), group ? { title: name } : { first_name: name });
    await look();
    enter(id);
  } catch (error) {
    notify(error.message);
  }
};
