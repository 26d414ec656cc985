/**
 * Creates an element. String children become text nodes, so nothing from the
 * server is ever parsed as markup.
 * @param {string} selector a tag and its classes, if any: `p.caption`
 * @param {Object} [props] attributes, null ones left out; `onclick` becomes a listener
 * @param {...(Node|string|null|undefined)} children
 */
export function el(selector, props = {}, ...children) {
  const [tag, ...classes] = selector.split(".");
  const node = document.createElement(tag);
  if (classes.length) node.className = classes.join(" ");
  for (const [name, value] of Object.entries(props)) {
    if (name === "onclick") node.addEventListener("click", value);
    else if (value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null));
  return node;
}

/** A button that cannot submit a form by accident; otherwise like `el`. */
export function button(className, props, ...children) {
  return el(`button.${className}`, { type: "button", ...props }, ...children);
}

/** Text for screen readers only. */
export function unseen(text) {
  return el("span.unseen", {}, text);
}

/** A decorative icon from the sprite in index.html. */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  svg.append(document.createElementNS(space, "use"));
  svg.firstChild.setAttribute("href", `#i-${name}`);
  return svg;
}

let announcing;

/** Speaks a message through the page's one polite live region. */
export function announce(message) {
  const region = document.getElementById("announcer");
  region.textContent = "";
  clearTimeout(announcing);
  // Filling it a moment after emptying it makes a repeated message audible again.
  announcing = setTimeout(() => { region.textContent = message; }, 60);
}
