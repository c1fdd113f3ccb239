// Evaluated in a page by looks.rs: everything about it that a person could stumble over, as lines of text.
((leastText) => {
  const wrong = [];
  const root = document.documentElement;
  const expect = (isSo, otherwise) => { if (!isSo) wrong.push(otherwise); };
  const isShown = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true })
    && element.getClientRects().length > 0;
  const words = (element) => (element.innerText || element.textContent || '').trim().replace(/\s+/g, ' ').slice(0, 40);

  // What it is made of.
  expect(document.compatMode === 'CSS1Compat', 'it is in quirks mode');
  expect(root.lang === 'en', `its language is ${root.lang || 'not said'}`);
  expect(document.title.trim() !== '', 'it has no title');
  expect(/width=device-width/.test(document.querySelector('meta[name=viewport]')?.content || ''), 'it has no viewport');
  expect(/dark/.test(document.querySelector('meta[name=color-scheme]')?.content || ''), 'it names no colour schemes');
  for (const name of ['h1', 'main']) {
    const count = document.querySelectorAll(name).length;
    expect(count === 1, `it has ${count} ${name}`);
  }
  const headings = [...document.querySelectorAll('h1, h2, h3, h4')].map((heading) => Number(heading.tagName[1]));
  headings.forEach((level, index) => expect(index === 0 ? level === 1 : level <= headings[index - 1] + 1,
    `its headings jump to h${level}`));
  expect(document.querySelector('main p') !== null, 'it says nothing below its heading');
  expect(document.querySelectorAll('script, iframe, link[rel=stylesheet], img, [style]').length === 0,
    'it has a script, a frame, an image, or a style from elsewhere');
  for (const element of document.querySelectorAll('*')) {
    for (const attribute of element.attributes) {
      expect(!attribute.name.startsWith('on'), `<${element.localName}> has ${attribute.name}`);
    }
  }

  // Whether it fits.
  const width = root.clientWidth;
  expect(root.scrollWidth <= width, `it is ${root.scrollWidth} px wide in a window of ${width} px`);
  for (const element of document.body.querySelectorAll('*')) {
    if (!isShown(element)) continue;
    const { left, right } = element.getBoundingClientRect();
    expect(left >= -0.5 && right <= width + 0.5, `<${element.localName}> ${words(element)} leaves the window`);
    const isCut = getComputedStyle(element).overflowX !== 'visible' && element.scrollWidth > element.clientWidth + 1;
    expect(!isCut, `<${element.localName}> ${words(element)} is cut off`);
  }

  // Whether a thumb hits it: 44 px, as WCAG 2.2 asks in 2.5.5.
  for (const target of document.querySelectorAll('a, button, summary, select, textarea, input:not([type=hidden])')) {
    if (!isShown(target)) continue;
    const { width, height } = target.getBoundingClientRect();
    expect(width >= 44 && height >= 44, `“${words(target)}” is only ${Math.round(width)} × ${Math.round(height)} px`);
    expect(words(target) !== '', `a <${target.localName}> without words`);
  }

  // Whether it can be read: 4.5 to 1, as WCAG 2.2 asks in 1.4.3.
  const colour = (text) => {
    const parts = /^rgba?\(([^)]*)\)$/.exec(text)?.[1].split(/[ ,/]+/).map(Number);
    if (!parts) wrong.push(`a colour that cannot be measured: ${text}`);
    const [red, green, blue, alpha = 1] = parts || [0, 0, 0];
    return { rgb: [red, green, blue], alpha };
  };
  const over = (top, below) => below.map((part, index) => top.rgb[index] * top.alpha + part * (1 - top.alpha));
  const ground = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.unshift(colour(getComputedStyle(at).backgroundColor));
    const dark = matchMedia('(prefers-color-scheme: dark)').matches;
    return layers.reduce((below, layer) => over(layer, below), dark ? [18, 18, 18] : [255, 255, 255]);
  };
  const light = (rgb) => {
    const [red, green, blue] = rgb.map((part) => part / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (texts.currentNode.data.trim() === '' || !isShown(element)) continue;
    const below = ground(element);
    const text = over(colour(getComputedStyle(element).color), below);
    const [high, low] = [light(text), light(below)].sort((one, other) => other - one);
    const contrast = (high + 0.05) / (low + 0.05);
    expect(contrast >= 4.5, `“${words(element)}” has a contrast of ${contrast.toFixed(2)}`);
    const size = parseFloat(getComputedStyle(element).fontSize);
    expect(size >= leastText, `“${words(element)}” is only ${size} px high`);
  }

  // Whether it keeps still for those who asked for that.
  if (matchMedia('(prefers-reduced-motion: reduce)').matches) {
    for (const element of document.querySelectorAll('*')) {
      const { transitionDuration, animationName, scrollBehavior } = getComputedStyle(element);
      const isStill = transitionDuration.split(', ').every((duration) => parseFloat(duration) === 0)
        && animationName === 'none' && scrollBehavior === 'auto';
      expect(isStill, `<${element.localName}> moves`);
    }
  }
  return [...new Set(wrong)];
})
