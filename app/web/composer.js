import { announce, unseen } from "./dom.js";

const LIMIT = 2000;
const COUNT_FROM = 1500;

/**
 * The question box: grows with its text, counts near the limit, and its one
 * button sends or, while a reply is streaming, stops.
 */
export class Composer {
  #busy = false;
  #over = 0;

  /**
   * @param {HTMLFormElement} form
   * @param {{onSend: (question: string) => void, onStop: () => void}} handlers
   */
  constructor(form, { onSend, onStop }) {
    this.box = form.querySelector("textarea");
    this.button = form.querySelector("button");
    this.counter = document.getElementById("counter");
    this.onSend = onSend;
    this.box.addEventListener("input", () => this.#refresh());
    this.box.addEventListener("keydown", (event) => this.#onKey(event));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#busy) onStop();
      else this.#send();
    });
  }

  /** @param {boolean} busy whether a reply is streaming */
  setBusy(busy) {
    this.#busy = busy;
    this.button.toggleAttribute("data-busy", busy);
    this.button.setAttribute("aria-label", busy ? "Stop" : "Send");
  }

  /**
   * Puts a question back, ahead of anything typed since, so neither is lost.
   * @param {string} question
   */
  restore(question) {
    this.#fill(this.box.value.trim() ? `${question}\n${this.box.value}` : question);
  }

  /** Touch devices are spared a keyboard popping up over the reply. */
  focus() {
    const target = matchMedia("(pointer: fine)").matches ? this.box : document.getElementById("conversation");
    target.focus({ preventScroll: true });
  }

  #onKey(event) {
    // While an input method is composing, Enter picks a word.
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    if (this.#busy) announce("The reply is still arriving. Your text is kept.");
    else this.#send();
  }

  #send() {
    const question = this.box.value.trim();
    if (!question) this.box.focus();
    else if (this.#over > 0) announce(this.counter.textContent);
    else {
      this.#fill("");
      this.onSend(question);
    }
  }

  #fill(text) {
    this.box.value = text;
    this.#refresh();
  }

  #refresh() {
    // Counted as the server does: an emoji is one character.
    const length = [...this.box.value.trim()].length;
    const wasOver = this.#over > 0;
    this.#over = length - LIMIT;
    this.box.style.height = "auto";
    this.box.style.height = `${this.box.scrollHeight}px`;
    this.box.setAttribute("aria-invalid", this.#over > 0);
    this.button.toggleAttribute("data-ready", length > 0);
    this.counter.replaceChildren(...this.#count(length));
    if (this.#over > 0 && !wasOver) announce(this.counter.textContent);
  }

  #count(length) {
    const limit = LIMIT.toLocaleString("en");
    if (this.#over > 0) return [`${this.#over} over the ${limit} character limit. Shorten it to send.`];
    return length < COUNT_FROM ? [] : [`${length.toLocaleString("en")} / ${limit}`, unseen(" characters used")];
  }
}
