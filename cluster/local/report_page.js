// What report_test.py looks at inside a page. It runs in a world of its own: the page's scripts do not see it, and it changes nothing that
// they made but for two things: every <details> is opened, and nothing moves or hides from a pointer.
"use strict";

// Names an element for a person who looks for it.
function named(element) {
  let name = element.tagName.toLowerCase();
  if (element.id) name += "#" + element.id;
  else if (element.classList.length) name += "." + [...element.classList].join(".");
  const text = (element.getAttribute("aria-label") || element.textContent || "").trim().replace(/\s+/g, " ");
  return text ? `${name} "${text.length > 40 ? text.slice(0, 40) + "…" : text}"` : name;
}

function prepare() {
  for (const details of document.querySelectorAll("details")) details.open = true;
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(
    "*, ::before, ::after { transition: none !important; animation: none !important } * { pointer-events: auto !important }");
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}

// Text of an element without the titles inside of a picture.
function shownText(element) {
  let text = "";
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) if (!walker.currentNode.parentElement.closest("title, desc, script, style")) text += walker.currentNode.data;
  return text.trim();
}

// Every element that says that it shows a number of a run's file. A shape has no text of its own: what it shows is its name.
function values() {
  return [...document.querySelectorAll("[data-run], [data-file], [data-path], [data-value]")].map(element => {
    const text = shownText(element);
    const name = element.getAttribute("aria-label") || element.querySelector(":scope > title")?.textContent || "";
    return {
      run: element.getAttribute("data-run"), file: element.getAttribute("data-file"), path: element.getAttribute("data-path"),
      value: element.getAttribute("data-value"), text: text || name, isNamed: !text, name: named(element),
    };
  });
}

// What would be fetched from outside the file, whether or not it is now.
function outside() {
  const found = [];
  const inside = address => /^\s*(data:|#|about:|blob:|$)/i.test(address);
  const keys = ["src", "srcset", "poster", "action", "data", "ping", "href", "xlink:href"];
  for (const element of document.querySelectorAll("*"))
    for (const key of keys) {
      // A link is followed only by a person who wants to.
      if (!element.hasAttribute(key) || (key.endsWith("href") && element.matches("a, area"))) continue;
      if (!inside(element.getAttribute(key))) found.push(`${named(element)} ${key}=${element.getAttribute(key)}`);
    }
  const styles = [...document.querySelectorAll("style")].map(style => style.textContent);
  for (const element of document.querySelectorAll("[style]")) styles.push(element.getAttribute("style"));
  for (const style of styles) {
    for (const [, address] of style.matchAll(/url\(\s*["']?([^"')]*)/gi)) if (!inside(address)) found.push(`a style's url(${address})`);
    if (/@import/i.test(style)) found.push("a style's @import");
  }
  for (const element of document.querySelectorAll("meta[http-equiv=refresh i]")) found.push(named(element));
  return found;
}

// Colors: [red, green, blue, alpha], from 0 to 1.
const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
const colors = new Map();
function color(text) {
  if (!colors.has(text)) {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = "#000";
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const plain = /^rgba?\((\d+), (\d+), (\d+)(?:, ([\d.]+))?\)$/.exec(text);
    colors.set(text, plain ? [plain[1] / 255, plain[2] / 255, plain[3] / 255, plain[4] === undefined ? 1 : +plain[4]]
      : [...canvas.getImageData(0, 0, 1, 1).data].map(part => part / 255));
  }
  return colors.get(text);
}

const over = (top, alpha, below) => [0, 1, 2].map(at => top[at] * alpha + below[at] * (1 - alpha));
function luminance(rgb) {
  const [red, green, blue] = rgb.map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
function contrastOf(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}
const written = rgb => "#" + rgb.map(part => Math.round(part * 255).toString(16).padStart(2, "0")).join("");

function opacity(element) {
  let product = 1;
  for (let at = element; at; at = at.parentElement) product *= +getComputedStyle(at).opacity;
  return product;
}

// What is behind everything: the color of the root, or the one that the browser has for the scheme.
function ground() {
  const probe = document.createElement("div");
  probe.style.setProperty("background-color", "Canvas", "important");
  document.documentElement.append(probe);
  let base = color(getComputedStyle(probe).backgroundColor).slice(0, 3);
  probe.remove();
  for (const element of [document.documentElement, document.body]) {
    const paint = color(getComputedStyle(element).backgroundColor);
    base = over(paint, paint[3], base);
  }
  return base;
}

// The colors that an element paints behind what it holds: more than one for a gradient, null for a picture.
function paints(element) {
  const style = getComputedStyle(element);
  if (element instanceof SVGElement && element.tagName !== "svg") {
    if (!(element instanceof SVGGeometryElement) || style.fill === "none") return [];
    const server = /url\("?#([^")]+)/.exec(style.fill);
    const stops = server ? [...document.getElementById(server[1])?.querySelectorAll("stop") ?? []] : [];
    if (server && !stops.length) return null;
    const fills = server ? stops.map(stop => getComputedStyle(stop).stopColor) : [style.fill];
    return fills.map(color).map(paint => [...paint.slice(0, 3), paint[3] * style.fillOpacity]);
  }
  const found = [];
  const plain = color(style.backgroundColor);
  if (style.backgroundImage !== "none") {
    if (style.backgroundImage.includes("url(")) return null;
    for (const [text] of style.backgroundImage.matchAll(/(?:rgba?|color|oklab|oklch|lab|lch|hsla?)\([^()]*\)/g)) found.push(color(text));
  }
  return found.length ? found : plain[3] > 0 ? [plain] : [];
}

// The elements that are painted below a point of an element, from the top; its ancestors where that point is not seen.
function below(element, x, y) {
  const stack = document.elementsFromPoint(x, y);
  const at = stack.indexOf(element);
  if (at >= 0) return stack.slice(at);
  const found = [];
  for (let up = element; up; up = up.parentElement) found.push(up);
  return found;
}

// The colors behind a point, on a color behind everything; null where a picture is.
function backgrounds(element, x, y, base) {
  let behind = [base];
  for (const layer of below(element, x, y).reverse()) {
    if (layer === document.documentElement || layer === document.body) continue;
    if (layer === element && element instanceof SVGTextContentElement) continue;
    const painted = paints(layer);
    if (painted === null) return null;
    const share = painted.length ? opacity(layer) : 1;
    if (painted.length) behind = painted.flatMap(paint => behind.map(under => over(paint, paint[3] * share, under)));
  }
  return behind;
}

function isSeen(element, box) {
  if (!element.checkVisibility({opacityProperty: true, visibilityProperty: true})) return false;
  if (box.width < 2 || box.height < 2) return false;
  for (let at = element; at && at !== document.body; at = at.parentElement) {
    const frame = at.getBoundingClientRect();
    if (getComputedStyle(at).overflow !== "visible" && (frame.width < 2 || frame.height < 2)) return false;
  }
  return true;
}

// Every piece of text that is seen: [its element, its box, what it says, the pseudo-element that it stands in].
function* texts() {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const range = document.createRange();
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || element.closest("script, style, noscript, template, title, desc, defs, :disabled")) continue;
    range.selectNodeContents(walker.currentNode);
    const box = [...range.getClientRects()].find(box => box.width > 0) ?? range.getBoundingClientRect();
    if (isSeen(element, box)) yield [element, box, walker.currentNode.data.trim().replace(/\s+/g, " "), null];
  }
  for (const element of document.body.querySelectorAll("*"))
    for (const pseudo of ["::before", "::after"]) {
      const content = getComputedStyle(element, pseudo).content;
      const box = element.getBoundingClientRect();
      if (/^"\s*[^\s"]/.test(content) && isSeen(element, box)) yield [element, box, content, pseudo];
    }
}

// The texts whose contrast is below a limit, the number of texts, and how light the page is.
function contrast(limit) {
  const found = new Map(), all = ground();
  let count = 0;
  for (const [element, box, text, pseudo] of texts()) {
    count += 1;
    const style = getComputedStyle(element, pseudo);
    const isPicture = element instanceof SVGElement;
    const ink = color(isPicture ? style.fill : style.color);
    const behind = backgrounds(element, box.x + box.width / 2, box.y + box.height / 2, all);
    if (behind === null) {
      found.set(named(element), {name: named(element), text, ratio: 0, why: "a picture is behind it"});
      continue;
    }
    const alpha = ink[3] * (isPicture ? +style.fillOpacity : 1) * opacity(element);
    for (const base of behind) {
      const shown = over(ink, alpha, base), ratio = contrastOf(shown, base);
      const why = `${written(shown)} on ${written(base)}`;
      if (ratio < limit && !found.has(why + element.tagName)) found.set(why + element.tagName, {name: named(element), text, ratio, why});
    }
  }
  return {low: [...found.values()].sort((a, b) => a.ratio - b.ratio), count, ground: luminance(all)};
}

// How wide the page is, what sticks out of it, and the smallest letters.
function fit() {
  const root = document.documentElement, width = root.clientWidth, out = [];
  for (const element of document.body.querySelectorAll("*")) {
    if (element instanceof SVGElement && element.ownerSVGElement) continue;
    const box = element.getBoundingClientRect();
    // What is wholly to the left is hidden there on purpose, until it has the focus.
    if (!isSeen(element, box) || (box.right <= width + 1 && (box.left >= -1 || box.right <= 0))) continue;
    let holder = element.parentElement, last = null;
    for (; holder; last = holder, holder = holder.parentElement) if (getComputedStyle(holder).overflowX !== "visible") break;
    const kind = holder && holder !== root && holder !== document.body ? getComputedStyle(holder).overflowX : "visible";
    if (kind === "auto" || kind === "scroll") continue;
    if (kind !== "visible" && getComputedStyle(holder).textOverflow === "ellipsis") continue;
    out.push(`${named(element)} from ${Math.round(box.left)} to ${Math.round(box.right)}`);
  }
  let smallest = null;
  for (const [element, , text, pseudo] of texts()) {
    const matrix = element instanceof SVGGraphicsElement ? element.getScreenCTM() : null;
    const scale = matrix ? Math.sqrt(Math.abs(matrix.a * matrix.d - matrix.b * matrix.c)) : 1;
    const size = parseFloat(getComputedStyle(element, pseudo).fontSize) * scale;
    if (!smallest || size < smallest.size) smallest = {size, text};
  }
  return {width, inner: innerWidth, scroll: root.scrollWidth, out, smallest};
}

// What of an element may change when it gets the focus.
function look() {
  const style = getComputedStyle(this), box = this.getBoundingClientRect();
  const keys = ["outlineStyle", "outlineWidth", "outlineColor", "boxShadow", "borderColor", "borderStyle", "borderWidth", "backgroundColor",
    "color", "textDecoration", "stroke", "strokeWidth", "fill"];
  const behind = this.parentElement ? backgrounds(this.parentElement, -1, -1, ground()) : null;
  const ring = color(style.outlineColor);
  return {
    name: named(this), isSeen: box.width > 0 && box.height > 0, style: Object.fromEntries(keys.map(key => [key, style[key]])),
    isRing: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 && ring[3] > 0,
    ring: style.outlineStyle === "auto" || !behind ? 21 : Math.min(...behind.map(base => contrastOf(over(ring, ring[3], base), base))),
  };
}

// Ids that stand twice: what refers to one finds the first.
function twice() {
  const seen = new Set(), found = new Set();
  for (const {id} of document.querySelectorAll("[id]")) (seen.has(id) ? found : seen).add(id);
  return [...found];
}
