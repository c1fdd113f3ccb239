// One message: who, what it carries, what it says, and the buttons under it.

function face(name, key, small) {
  const parts = name.trim().split(/\s+/).filter(Boolean);
  const initials = [parts[0], parts.length > 1 ? parts.at(-1) : ""].map(part => Array.from(part || "")[0] || "").join("");
  let sum = 0;
  for (const unit of String(key)) sum = (sum * 31 + unit.codePointAt(0)) % 7;
  // The bot has a colour of its own.
  const made = element("span", `face tint${key === "bot" ? 0 : sum + 1}${small ? " small" : ""}`, initials.toUpperCase() || "?");
  made.setAttribute("aria-hidden", "true");
  return made;
}

function sizeText(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1048576 ? `${(bytes / 1024).toFixed(1)} KB` : `${(bytes / 1048576).toFixed(1)} MB`;
}

function picture(media) {
  const image = element("img");
  image.src = media.address;
  image.alt = media.kind === "sticker" ? media.emoji : "Photo";
  if (media.width) { image.width = media.width; image.height = media.height; }
  return image;
}

function sign(name) {
  const made = element("i");
  made.append(icon(name));
  return made;
}

function carried(media) {
  switch (media.kind) {
    case "photo": {
      const shot = element("button", "shot");
      shot.type = "button";
      shot.append(picture(media));
      shot.onclick = () => {
        $("picture-image").src = media.address;
        $("picture").showModal();
      };
      return shot;
    }
    case "sticker": {
      const sticker = element("div", "sticker");
      sticker.append(picture(media));
      return sticker;
    }
    case "document": {
      const paper = element("a", "paper");
      paper.href = media.address;
      paper.download = media.file_name;
      const about = element("span");
      const name = element("b", "", media.file_name);
      name.dir = "auto";
      about.append(name, element("small", "", sizeText(media.file_size)));
      paper.append(sign("down"), about);
      return paper;
    }
    case "voice": {
      const voice = element("div", "paper");
      const about = element("span");
      about.append(element("span", "wave", "▂▅▃▇▄▆▂▅▇▃▄▂"), element("small", "", ` 0:${String(media.duration).padStart(2, "0")}`));
      voice.append(sign("play"), about);
      return voice;
    }
    default: {
      const place = element("div");
      const map = element("div", "map");
      map.append(icon("pin"));
      place.append(map, element("div", "", `${media.latitude.toFixed(4)}, ${media.longitude.toFixed(4)}`));
      return place;
    }
  }
}

function quoteOf(id) {
  const original = room.messages.find(message => message.message_id === id);
  const quote = element("button", "quote", original ? original.text || mediaWord(original.media) : "deleted message");
  quote.type = "button";
  quote.dir = "auto";
  quote.onclick = () => shown.get(id)?.element.scrollIntoView({ block: "center" });
  return quote;
}

const mediaWord = media => media ? media.kind : "message";

function buttons(message) {
  const all = element("div", "buttons");
  for (const row of message.buttons) {
    const line = element("div");
    for (const one of row) {
      const button = element("button");
      button.type = "button";
      button.title = one.text;
      button.append(element("span", "", one.text));
      if (one.url) button.append(icon("link"));
      button.onclick = () => one.url ? openLink(one.url) : pressButton(message.message_id, one.callback_data, button);
      line.append(button);
    }
    all.append(line);
  }
  return all;
}

function openLink(address) {
  const safe = safeAddress(address);
  if (safe) window.open(safe, "_blank", "noopener");
}

function bubble(message, before, after) {
  const isOwn = message.from === "person" && message.user_id === writer();
  const sender = one => one ? String(one.user_id ?? "bot") : "";
  const sameDay = (a, b) => new Date(a.date).toDateString() === new Date(b.date).toDateString();
  const joined = before && sender(before) === sender(message) && sameDay(before, message);
  const goesOn = after && sender(after) === sender(message) && sameDay(after, message);
  const bare = message.media?.kind === "sticker";
  const line = element("div", ["message", isOwn && "own", joined && "joined", bare && "bare-bubble", message.inaccessible && "lost"].filter(Boolean).join(" "));
  const name = message.from === "bot" ? botName : message.name;
  if (!isOwn) {
    const avatar = face(name, message.from === "bot" ? "bot" : message.user_id, true);
    if (goesOn) avatar.classList.add("none");
    line.append(avatar);
  }
  const body = element("div", "body");
  const inside = element("div", "bubble");
  if (!isOwn && room.chat_id < 0 && !joined) {
    const label = element("span", "name", name);
    label.dir = "auto";
    inside.append(label);
  }
  if (message.reply_to) inside.append(quoteOf(message.reply_to));
  if (message.media) inside.append(carried(message.media));
  if (message.text) inside.append(words(message));
  const time = new Date(message.date).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const stamp = element("time", "stamp", (message.inaccessible ? "out of the bot's reach · " : "") + (message.edits ? "edited " : "") + time);
  stamp.dateTime = message.date;
  inside.append(stamp);
  body.append(inside);
  if (message.buttons.length) body.append(buttons(message));
  line.append(body);
  return line;
}

function dayPill(date) {
  const day = new Date(date);
  const words = day.toDateString() === new Date().toDateString() ? "Today" : day.toLocaleDateString([], { day: "numeric", month: "long", year: "numeric" });
  return element("div", "day", words);
}
