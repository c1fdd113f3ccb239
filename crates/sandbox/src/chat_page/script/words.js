"use strict";
// Text with entities, made into elements and never parsed: what a program sends is only ever text here. Offsets count UTF-16
// code units, as strings do in this language.

const $ = id => document.getElementById(id);

function element(tag, classes, text) {
  const made = document.createElement(tag);
  if (classes) made.className = classes;
  if (text !== undefined) made.textContent = text;
  return made;
}

function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const made = document.createElementNS(space, "svg"), use = document.createElementNS(space, "use");
  made.setAttribute("class", "icon");
  made.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#icon-${name}`);
  made.append(use);
  return made;
}

// Only addresses that Telegram opens; anything else is shown and leads nowhere.
function safeAddress(text) {
  try {
    const url = new URL(text);
    return ["http:", "https:", "tg:", "mailto:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

function linkTo(address) {
  const link = element("a");
  const safe = safeAddress(address);
  if (safe) {
    link.href = safe;
    link.target = "_blank";
    link.rel = "noopener noreferrer";
    link.title = safe;
  }
  return link;
}

function wrapperOf(entity, text) {
  switch (entity.type) {
    case "bold": return element("b");
    case "italic": return element("i");
    case "underline": return element("u");
    case "strikethrough": return element("s");
    case "url": return linkTo(text);
    case "text_link": return linkTo(entity.url || "");
    case "email": return linkTo("mailto:" + text);
    case "code": {
      const code = element("code");
      code.title = "Copy";
      code.onclick = () => navigator.clipboard?.writeText(text).then(() => notify("Copied"));
      return code;
    }
    case "pre": {
      const pre = element("pre");
      if (entity.language) pre.dataset.language = entity.language;
      return pre;
    }
    case "spoiler": {
      const spoiler = element("span", "spoiler");
      spoiler.onclick = () => spoiler.classList.add("open");
      return spoiler;
    }
    case "blockquote": return element("blockquote");
    case "expandable_blockquote": {
      const quote = element("blockquote", "folded");
      quote.onclick = () => quote.classList.toggle("folded");
      return quote;
    }
    case "bot_command": {
      const command = element("a");
      command.tabIndex = 0;
      command.onclick = () => say(text);
      command.onkeydown = event => { if (event.key === "Enter") say(text); };
      return command;
    }
    default: return element("span");
  }
}

// One level; what lies inside an entity is the next level. Overlaps are clipped, so nothing is ever shown twice.
function fill(parent, text, entities, from, to) {
  let at = from;
  for (let index = 0; index < entities.length; index++) {
    const entity = entities[index];
    const start = Math.min(Math.max(entity.offset, at), to);
    const end = Math.min(Math.max(entity.offset + entity.length, start), to);
    if (start === end) continue;
    if (start > at) parent.append(text.slice(at, start));
    let next = index + 1;
    while (next < entities.length && entities[next].offset < end) next++;
    const wrapper = wrapperOf(entity, text.slice(start, end));
    fill(wrapper, text, entities.slice(index + 1, next), start, end);
    parent.append(wrapper);
    index = next - 1;
    at = end;
    // A block ends its line by itself.
    if (["BLOCKQUOTE", "PRE"].includes(wrapper.tagName) && text[at] === "\n") at++;
  }
  if (at < to) parent.append(text.slice(at, to));
}

const onlyEmoji = /^(?:\p{Extended_Pictographic}|\p{Emoji_Modifier}|\u200d|\ufe0f|[\u{1f1e6}-\u{1f1ff}]){1,12}$/u;

function words(message) {
  const big = message.media === null && !message.entities.length && onlyEmoji.test(message.text);
  const made = element("div", big ? "words big" : "words");
  made.dir = "auto";
  fill(made, message.text, message.entities, 0, message.text.length);
  return made;
}
