// The open chat: its messages kept in step, what the bot says aside, and what people do.

const address = new URL(location.href);
const remembered = name => JSON.parse(localStorage.getItem(name) || "null");
const remember = (name, value) => localStorage.setItem(name, JSON.stringify(value));

let botName = "bot";
let chats = [];
let current = Number(address.searchParams.get("as") || remembered("chat") || 1001);
let payload = address.searchParams.get("start");
let room = { chat_id: current, version: -1, messages: [], notices: [], commands: [], reply_keyboard: null };
let heardNotices = null;
let keysHidden = false;
// Whether the newest message is in sight.
let atEnd = true;
// Message id to its element and what it was made from.
const shown = new Map();
const waiting = new Map();

const isGroup = () => current < 0;
const writer = () => isGroup() ? Number($("writer").value || 1001) : current;
const path = (what, chat = current) => `/sandbox/telegram/${chat < 0 ? "groups" : "people"}/${chat}${what ? "/" + what : ""}`;

async function ask(where, body) {
  const answer = await fetch(where, body === undefined ? {} : { method: "POST", body: JSON.stringify(body) });
  const read = await answer.json();
  if (!answer.ok) throw new Error(read.error || `answer ${answer.status}`);
  return read;
}

// What people do: a refusal is shown, never swallowed.
async function act(what, body) {
  try {
    const done = await ask(path(what), isGroup() ? { from: writer(), ...body } : body);
    await look();
    return done;
  } catch (error) {
    notify(error.message);
    return null;
  }
}

const say = text => act("messages", { text });

async function pressButton(message_id, data, button) {
  button.classList.add("waits");
  const pressed = await act("press", { message_id, data });
  const done = () => button.classList.remove("waits");
  if (!pressed?.callback_query_id || room.notices.some(notice => notice.callback_query_id === pressed.callback_query_id)) return done();
  waiting.set(pressed.callback_query_id, done);
  setTimeout(done, 10000);
}

function notify(text) {
  if (!text) return;
  $("notice").textContent = text;
  $("notice").hidden = false;
  clearTimeout(notify.timer);
  notify.timer = setTimeout(() => { $("notice").hidden = true; }, 4000);
}

function hearNotices() {
  const news = heardNotices === null ? [] : room.notices.slice(heardNotices);
  heardNotices = room.notices.length;
  for (const notice of news) {
    waiting.get(notice.callback_query_id)?.();
    waiting.delete(notice.callback_query_id);
    if (notice.to !== writer()) continue;
    if (notice.show_alert && notice.text) {
      $("alert-text").textContent = notice.text;
      if (!$("alert").open) $("alert").showModal();
    } else {
      notify(notice.text);
    }
    if (notice.url) openLink(notice.url);
  }
}

function showMessages(fromTheStart) {
  const newestBefore = Math.max(0, ...shown.keys());
  if (fromTheStart) shown.clear();
  const lines = [];
  let day = "";
  room.messages.forEach((message, index) => {
    const own = new Date(message.date).toDateString();
    if (own !== day) { day = own; lines.push(dayPill(message.date)); }
    const before = room.messages[index - 1], after = room.messages[index + 1];
    const from = JSON.stringify([message, before?.user_id, before?.date.slice(0, 10), after?.user_id, after?.date.slice(0, 10), writer()]);
    const known = shown.get(message.message_id);
    // An unchanged bubble stays the same element: what was opened or scrolled in it stays so.
    if (known?.from !== from) shown.set(message.message_id, { from, element: bubble(message, before, after) });
    lines.push(shown.get(message.message_id).element);
  });
  for (const id of shown.keys()) if (!room.messages.some(message => message.message_id === id)) shown.delete(id);
  if (!lines.length) lines.push(element("p", "empty", isGroup() ? "Nobody has written here yet. In a group the bot hears only commands, its name, and answers to it." : "No messages here yet. Press Start, and the bot will answer."));
  const column = $("column");
  lines.forEach((line, index) => { if (column.children[index] !== line) column.insertBefore(line, column.children[index] || null); });
  while (column.children.length > lines.length) column.lastChild.remove();
  const ownIsNew = room.messages.at(-1)?.user_id === writer() && room.messages.at(-1).message_id > newestBefore;
  if (fromTheStart || atEnd || ownIsNew) toTheEnd();
  $("down").hidden = isAtEnd();
}

function isAtEnd() {
  const wall = $("wall");
  return wall.scrollHeight - wall.scrollTop - wall.clientHeight < 90;
}

function toTheEnd() {
  const wall = $("wall");
  wall.scrollTop = wall.scrollHeight;
  atEnd = true;
  $("down").hidden = true;
}

function showRoom(fromTheStart) {
  const person = chats.find(chat => chat.chat_id === current);
  const own = person?.name || `Person ${current}`;
  $("room-name").textContent = isGroup() ? room.title || own : botName;
  $("room-face").replaceChildren(isGroup() ? face(room.title || own, current) : face(botName, "bot"));
  $("room-status").textContent = room.typing ? "typing…" : isGroup() ? "group" : `bot · you are ${own}`;
  $("room-status").classList.toggle("busy", room.typing);
  $("block").hidden = isGroup() || !room.messages.length;
  $("block").textContent = room.blocked ? "Unblock" : "Block";
  document.title = `${isGroup() ? room.title || own : own} · sandbox`;
  showMessages(fromTheStart);
  const starts = !isGroup() && (Boolean(payload) || !room.messages.length);
  $("start").hidden = !starts && !room.blocked;
  $("start").textContent = room.blocked ? "Unblock and restart" : "Start";
  $("form").hidden = !$("start").hidden;
  const stays = atEnd;
  showCompose();
  if (stays) toTheEnd();
}

async function look() {
  const asked = current;
  const known = await ask("/sandbox/telegram/people");
  botName = known.bot_username;
  chats = known.chats;
  const now = chats.find(chat => chat.chat_id === asked);
  const changed = room.chat_id !== asked || room.version !== (now?.version ?? 0) || Boolean(room.typing) !== Boolean(now?.typing);
  if (changed) {
    const read = await ask(path("messages", asked));
    if (asked !== current) return;
    const fromTheStart = room.chat_id !== asked || room.version < 0;
    if (fromTheStart) heardNotices = null;
    room = read;
    showRoom(fromTheStart);
    hearNotices();
  }
  showList(now);
}
