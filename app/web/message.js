import { announce, button, el, icon, unseen } from "./dom.js";
import { parseBlocks, renderBlock, renderText } from "./render.js";

const CAPTIONS = {
  passage: "Quoted from the documents",
  faq: "Approved answer",
  model: "Written from the documents",
};
const DEGRADED = "Part of the service is unavailable, so this answer may be less complete than usual.";
const HANDOFF_TITLE = "A person will take it from here";
const MARKER = /\s*\[(\d{1,2})\]/g;
// Held back while streaming, so half a marker never flashes by.
const HALF_MARKER = /\s*\[\d{0,2}$/;

/**
 * @typedef {{n: number, chunk_id: string, title: string, headings: string[], url: string, quote: string}} Citation
 * @typedef {{id: string, state: string, reason?: string, message?: string}} Handoff
 */

/** @param {string} text */
export function customerMessage(text) {
  return shell("customer", unseen("You said:"), el("div.bubble", { dir: "auto" }, text));
}

/**
 * A reply written by a person, seen when a conversation is restored.
 * @param {string} text
 */
export function agentMessage(text) {
  return shell("agent",
    el("p.agent-name", {}, icon("person"), "Support team"),
    el("div.prose", {}, ...renderText(text, { lineBreaks: true })));
}

/**
 * A box that says (aloud too) what failed and, where that helps, offers to try again.
 * @param {string} title
 * @param {string} [details]
 * @param {() => void} [onRetry]
 */
export function problemBox(title, details, onRetry) {
  announce(`${title} ${details ?? ""}`);
  return el("div.problem", { "data-testid": "error" },
    icon("alert"),
    el("div.problem-text", {},
      el("p.problem-title", { dir: "auto" }, title),
      details ? el("p", { dir: "auto" }, details) : null),
    onRetry && button("small-button", { "data-testid": "retry", onclick: onRetry }, "Retry"));
}

function shell(role, ...children) {
  return el(`li.message.${role}`, { "data-testid": "message", "data-role": role }, ...children);
}

/** One reply from the service, from the first token to its final state. */
export class Reply {
  #text = "";
  #citations = new Map();
  #handoff = null;
  #state = "streaming"; // then "complete" or "incomplete"
  #shown = [];
  #frame = 0;
  #waiting = el("p.waiting", {}, el("span", {}, "Looking through the documents"));
  #body = el("div.prose");
  #sources = el("ul.sources", { role: "list", "aria-label": "Sources" });
  #footer = el("div.footer");

  /**
   * @param {{author: string, onOpen: (citation: Citation, opener: HTMLElement) => void, onGrow: () => void}} options
   */
  constructor({ author, onOpen, onGrow }) {
    Object.assign(this, { author, onOpen, onGrow });
    this.element = shell("assistant", unseen(`${author}:`), this.#waiting, this.#body, this.#sources, this.#footer);
  }

  get ended() {
    return this.#state !== "streaming";
  }

  /** @param {string} text */
  addText(text) {
    this.#text += text;
    this.#renderSoon();
  }

  /** @param {Citation} citation */
  addCitation(citation) {
    this.#citations.set(citation.n, citation);
    const ordered = [...this.#citations.values()].sort((a, b) => a.n - b.n);
    this.#sources.replaceChildren(...ordered.map((each) => el("li", {}, this.#card(each))));
    this.#renderSoon();
  }

  /** @param {Handoff} handoff */
  addHandoff(handoff) {
    this.#handoff = handoff;
    this.#footer.append(handoffCard(handoff));
    this.#renderSoon();
  }

  /**
   * @param {{answer?: string, served_by?: string, degraded?: boolean}} result
   * @param {boolean} [aloud] false when restoring what was said before
   */
  finish(result, aloud = true) {
    this.#text ||= result.answer ?? "";
    const caption = this.#text ? CAPTIONS[result.served_by] : null;
    this.#end("complete", ...[caption, result.degraded ? DEGRADED : null].filter(Boolean).map(captionLine));
    if (aloud) announce(this.#spoken());
  }

  /** Ends the reply with what went wrong; takes what `problemBox` takes. */
  fail(title, details, onRetry) {
    this.#end("incomplete", problemBox(title, details, onRetry));
  }

  /**
   * Ends a reply whose connection dropped. A hand-off that got through stands.
   * @param {() => void} onRetry
   */
  interrupt(onRetry) {
    if (this.#handoff) this.finish({});
    else this.fail("The reply was interrupted.", "The connection dropped before it finished, so it is incomplete.", onRetry);
  }

  /** Ends the reply because the customer asked it to. */
  stop() {
    const note = this.#text ? "You stopped this reply, so it is incomplete." : "You stopped this reply before it began.";
    this.#end("incomplete", captionLine(note));
    announce(note);
  }

  #end(state, ...notes) {
    this.#state = state;
    this.element.dataset.state = state;
    this.#footer.append(...notes);
    cancelAnimationFrame(this.#frame);
    this.#render();
  }

  #renderSoon() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#render());
  }

  #render() {
    const streaming = this.#state === "streaming";
    const text = streaming ? this.#text.replace(HALF_MARKER, "") : this.#text;
    // The hand-off's words may come as the reply's text too; once is enough.
    const repeated = this.#handoff?.message?.trim() === text.trim();
    this.#waiting.hidden = !streaming || text !== "" || this.#handoff !== null;
    this.#renderBlocks(repeated ? [] : parseBlocks(text));
    this.onGrow();
  }

  /** Replaces only blocks that changed, so focus and selection elsewhere survive each token. */
  #renderBlocks(blocks) {
    const next = blocks.map(({ type, lines }) =>
      type + lines.join("\n").replace(MARKER, (marker, n) => marker + (this.#citations.has(Number(n)) ? "known" : this.#state)));
    blocks.forEach((block, i) => {
      if (next[i] === this.#shown[i]) return;
      const node = renderBlock(block, { lineBreaks: true, marker: (n) => this.#marker(n) });
      if (this.#body.children[i]) this.#body.children[i].replaceWith(node);
      else this.#body.append(node);
    });
    while (this.#body.children.length > blocks.length) this.#body.lastChild.remove();
    this.#shown = next;
  }

  #marker(n) {
    const citation = this.#citations.get(n);
    if (citation) return this.#opener("marker", "citation-marker", citation, { "aria-label": `Source ${n}: ${citation.title}` }, n);
    // A finished reply's number without a source was never a marker.
    return this.#state === "complete" ? null : el("span.marker", {}, n);
  }

  #card(citation) {
    const { n, title, headings, quote } = citation;
    const last = headings?.at(-1);
    return this.#opener("card", "source-card", citation, {},
      el("span.card-number", {}, unseen("Source "), n),
      el("span.card-title", { dir: "auto" }, title, last && last !== title ? el("span.card-heading", {}, last) : null),
      el("span.card-quote", { dir: "auto" }, withoutMarkup(quote ?? "")));
  }

  #opener(className, testId, citation, props, ...children) {
    const onclick = (event) => this.onOpen(citation, event.currentTarget);
    return button(className, { "data-testid": testId, "aria-haspopup": "dialog", onclick, ...props }, ...children);
  }

  #spoken() {
    const text = this.#shown.length ? this.#text.replace(MARKER, "") : "";
    const count = this.#citations.size;
    const sources = count ? `${count} ${count === 1 ? "source" : "sources"}.` : "";
    const handoff = this.#handoff ? `${HANDOFF_TITLE}. ${this.#handoff.message ?? ""}` : "";
    return `${this.author}: ${text} ${sources} ${handoff}`;
  }
}

function captionLine(text) {
  return el("p.caption", {}, text);
}

/** A card has two lines for its quote: too little room to draw a table or a list. */
function withoutMarkup(quote) {
  return quote.replace(/^\s*(?:#+|[-*|])\s|\s*\|\s*$|\*\*|`/gm, "").replace(/\s+\|\s+/g, " · ");
}

function handoffCard({ id, state, message }) {
  return el("div.handoff", { "data-testid": "handoff" },
    icon("person"),
    el("div", {},
      el("p.handoff-title", {}, state === "waiting" ? HANDOFF_TITLE : "Passed to a person"),
      message ? el("p", { dir: "auto" }, message) : null,
      id ? el("p.handoff-id", {}, "Reference ", el("code", {}, id)) : null));
}
