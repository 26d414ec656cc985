import { el } from "./dom.js";
import { renderText } from "./render.js";

// Spacing and punctuation change between a document and its quote; these do not.
const COUNTS = /[\p{L}\p{N}\p{Sc}%]/u;

/**
 * Wraps the quoted words in <mark>, even where they run across elements.
 * @param {HTMLElement} root rendered passage
 * @param {string} quote
 * @returns {HTMLElement[]} the marks, none when the quote was not found
 */
export function highlightQuote(root, quote) {
  // The quote may carry the same Markdown as the passage, so it is read the same way.
  const needle = fold(charactersOf(el("div", {}, ...renderText(quote)))).text;
  const characters = charactersOf(root);
  const { text, places } = fold(characters);
  let at = needle ? text.indexOf(needle) : -1;
  while (at >= 0 && !startsWord(characters, places[at])) at = text.indexOf(needle, at + 1);
  if (at < 0) return [];
  const last = withPunctuation(characters, places[at + needle.length - 1]);
  return wrap(characters.slice(places[at], last + 1));
}

function charactersOf(root) {
  const characters = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    for (let at = 0; at < node.data.length; at += 1) characters.push({ char: node.data[at], node, at });
  }
  return characters;
}

function fold(characters) {
  let text = "";
  const places = [];
  characters.forEach(({ char }, place) => {
    if (!COUNTS.test(char)) return;
    const folded = char.toLowerCase();
    text += folded;
    for (let i = 0; i < folded.length; i += 1) places.push(place);
  });
  return { text, places };
}

/** Keeps “5 days” from matching inside “25 days”. */
function startsWord(characters, place) {
  const before = characters[place - 1];
  return before?.node !== characters[place].node || !COUNTS.test(before.char);
}

function withPunctuation(characters, last) {
  const next = characters[last + 1];
  return next?.node === characters[last].node && /\p{P}/u.test(next.char) ? withPunctuation(characters, last + 1) : last;
}

function wrap(characters) {
  const nodes = [...new Set(characters.map(({ node }) => node))];
  return nodes.map((node) => {
    const run = characters.filter((character) => character.node === node);
    const quoted = node.splitText(run[0].at);
    quoted.splitText(run.length);
    const mark = el("mark");
    quoted.replaceWith(mark);
    mark.append(quoted);
    return mark;
  });
}
