import { el } from "./dom.js";

const FENCE = /^\s*```/;
const HEADING = /^(#{1,6})\s+(.*)$/;
const ROW = /^\s*\|.*\|\s*$/;
const RULE_ROW = /^[\s|:-]+$/;
const ITEM = /^(\s*)(?:[-*•]|(\d{1,3})[.)])\s+(.*)$/;
// Code, bold, or a citation marker with the space before it.
const INLINE = /`([^`]+)`|\*\*(\S(?:.*?\S)?)\*\*|\s*\[(\d{1,2})\]/g;

/**
 * @typedef {{type: "p"|"heading"|"ul"|"ol"|"table"|"code", lines: string[]}} Block
 * @typedef {{marker?: (n: number) => Node|null, lineBreaks?: boolean}} RenderOptions
 *   marker: what to show for `[n]`, null to leave the text as it is;
 *   lineBreaks: keep single line breaks inside a paragraph
 */

/**
 * Splits Markdown-lite text into blocks. An unclosed code fence runs to the
 * end, so a reply renders sensibly while it is still arriving.
 * @param {string} text
 * @returns {Block[]}
 */
export function parseBlocks(text) {
  const blocks = [];
  let open = null;
  for (const line of text.split(/\r\n|\n|\r/)) {
    const type = open?.type === "code" ? "code" : typeOf(line);
    if (open?.type === "code") {
      if (FENCE.test(line)) open = null;
      else open.lines.push(line);
    } else if (type === "blank") {
      // A blank line may stand between two items of one list.
      if (!isList(open)) open = null;
    } else if (continues(open, type, line)) {
      open.lines.push(line);
    } else {
      open = { type, lines: type === "code" ? [] : [line] };
      blocks.push(open);
    }
  }
  return blocks;
}

function typeOf(line) {
  if (!line.trim()) return "blank";
  if (FENCE.test(line)) return "code";
  if (HEADING.test(line)) return "heading";
  if (ROW.test(line)) return "table";
  const item = ITEM.exec(line);
  if (item) return item[2] ? "ol" : "ul";
  return "p";
}

function isList(block) {
  return block?.type === "ul" || block?.type === "ol";
}

function continues(open, type, line) {
  if (!open || type === "heading" || type === "code") return false;
  return open.type === type || (isList(open) && type !== "table" && /^\s\s/.test(line));
}

/**
 * Renders text as one element per block.
 * @param {string} text
 * @param {RenderOptions} [options]
 */
export function renderText(text, options) {
  return parseBlocks(text).map((block) => renderBlock(block, options));
}

/**
 * @param {Block} block
 * @param {RenderOptions} [options]
 */
export function renderBlock({ type, lines }, options = {}) {
  if (type === "table") return renderTable(lines, options);
  if (type === "ul" || type === "ol") return renderList(type, lines, options);
  // Wide code scrolls sideways, so the keyboard must be able to reach it.
  if (type === "code") return el("pre", { tabindex: 0, dir: "ltr" }, el("code", {}, lines.join("\n")));
  if (type === "heading") {
    const [, hashes, text] = HEADING.exec(lines[0]);
    return el(hashes.length > 2 ? "h4" : "h3", { dir: "auto" }, ...inline(text, options));
  }
  return renderParagraph(lines.map((line) => line.trim()), options);
}

function renderParagraph(lines, options) {
  const content = options.lineBreaks
    ? lines.flatMap((line, i) => [i ? el("br") : null, ...inline(line, options)])
    : inline(lines.join(" "), options);
  return el("p", { dir: "auto" }, ...content);
}

function renderList(type, lines, options) {
  const list = el(type, { dir: "auto" });
  const base = ITEM.exec(lines[0])[1].length;
  for (const line of lines) {
    const [, indent, number, text] = ITEM.exec(line) ?? [];
    if (text === undefined) list.lastChild.append(" ", ...inline(line.trim(), options));
    else list.append(el(indent.length > base + 1 ? "li.sub" : "li", { value: number }, ...inline(text, options)));
  }
  return list;
}

function renderTable(lines, options) {
  const headed = lines.length > 1 && RULE_ROW.test(lines[1]);
  const rows = lines.filter((line) => !RULE_ROW.test(line)).map((line, i) => {
    const head = headed && i === 0;
    const cells = line.trim().slice(1, -1).split("|");
    return el("tr", {}, ...cells.map((cell) =>
      el(head ? "th" : "td", { scope: head ? "col" : null }, ...inline(cell.trim(), options))));
  });
  return el("div.table", { role: "region", "aria-label": "Table", tabindex: 0, dir: "auto" }, el("table", {}, ...rows));
}

function inline(text, options) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(INLINE)) {
    const node = inlineNode(match, options);
    if (!node) continue;
    nodes.push(text.slice(from, match.index));
    if (match[3]) keepWithLastWord(nodes, node);
    else nodes.push(node);
    from = match.index + match[0].length;
  }
  return [...nodes, text.slice(from)];
}

function inlineNode([, code, bold, number], { marker }) {
  if (code) return el("code", {}, code);
  if (bold) return el("strong", {}, bold);
  return marker?.(Number(number));
}

/** A marker alone at the start of a line looks lost, so it stays with the word before it. */
function keepWithLastWord(nodes, marker) {
  const text = nodes.pop();
  const word = /\S{0,24}$/.exec(text)[0];
  nodes.push(text.slice(0, text.length - word.length), el("span.together", {}, word, marker));
}
