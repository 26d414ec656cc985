import { getJson } from "./api.js";
import { announce, button, el, icon, unseen } from "./dom.js";
import { highlightQuote } from "./highlight.js";
import { renderText } from "./render.js";

const ROOM_ABOVE_QUOTE = 96;

/**
 * The source panel: docked beside the conversation where there is room, a
 * modal sheet over it where there is not.
 */
export class PassagePanel {
  #opener = null;
  #loading = null;
  #label = el("p.panel-label");
  #title = el("h2", { id: "panel-title", tabindex: -1, dir: "auto" });
  #path = el("p.panel-path", { dir: "auto" });
  #body = el("div.panel-body", { tabindex: 0, role: "region", "aria-label": "Passage" });
  #foot = el("div.panel-foot");

  /**
   * @param {HTMLDialogElement} dialog
   * @param {() => void} focusElsewhere used when the opener is gone by the time the panel closes
   */
  constructor(dialog, focusElsewhere) {
    this.dialog = dialog;
    this.focusElsewhere = focusElsewhere;
    const close = button("ghost", { "aria-label": "Close source", onclick: () => dialog.close() }, icon("close"));
    dialog.append(el("div.panel-head", {}, this.#label, this.#title, this.#path, close), this.#body, this.#foot);
    dialog.addEventListener("close", () => this.#afterClose());
    dialog.addEventListener("click", ({ target }) => { if (target === dialog) dialog.close(); });
    // A modal dialog answers Escape by itself; the docked panel does not.
    document.addEventListener("keydown", ({ key, isComposing }) => {
      if (key === "Escape" && !isComposing) dialog.close();
    });
  }

  /**
   * @param {import("./message.js").Citation} citation
   * @param {HTMLElement} opener gets the focus back on closing
   */
  async open(citation, opener) {
    this.#setOpener(opener);
    this.#loading?.abort();
    this.#loading = new AbortController();
    const { signal } = this.#loading;
    this.#show(citation, citation, el("p.waiting", {}, el("span", {}, "Opening the passage")));
    this.#title.focus();
    try {
      const passage = await getJson(`/v1/passages/${encodeURIComponent(citation.chunk_id)}`, signal);
      this.#showPassage(citation, passage);
    } catch (error) {
      if (signal.aborted) return;
      const sorry = `The full passage could not be opened. ${error.message}`;
      this.#show(citation, citation, el("p.panel-failure", {}, sorry), quoteAlone(citation));
      announce(sorry);
    }
  }

  #showPassage(citation, passage) {
    const text = el("div.prose.passage", {}, ...renderText(passage.text));
    const [mark] = highlightQuote(text, citation.quote ?? "");
    mark?.setAttribute("data-testid", "passage-quote");
    this.#show(citation, passage, neighbour("Before this passage", passage.before),
      mark ? null : quoteAlone(citation), text, neighbour("After this passage", passage.after));
    const offset = (mark ?? text).getBoundingClientRect().top - this.#body.getBoundingClientRect().top;
    this.#body.scrollTop = offset - ROOM_ABOVE_QUOTE;
    announce("Passage loaded.");
  }

  #show({ n }, { title, headings, url, page }, ...content) {
    this.#label.textContent = page ? `Source ${n}, page ${page}` : `Source ${n}`;
    this.#title.textContent = title;
    this.#path.replaceChildren(...(headings ?? []).filter((each) => each !== title).map((each) => el("span", {}, each)));
    this.#body.replaceChildren(...content.filter(Boolean));
    this.#body.scrollTop = 0;
    this.#foot.replaceChildren(...pageLink(url));
    if (!this.dialog.open) {
      if (matchMedia("(min-width: 64rem)").matches) this.dialog.show();
      else this.dialog.showModal();
    }
  }

  #setOpener(opener) {
    this.#opener?.removeAttribute("data-open");
    this.#opener = opener;
    opener?.setAttribute("data-open", "");
  }

  #afterClose() {
    this.#loading?.abort();
    const opener = this.#opener;
    this.#setOpener(null);
    if (opener?.isConnected) opener.focus();
    else this.focusElsewhere();
  }
}

function quoteAlone({ quote }) {
  return quote ? el("blockquote", { dir: "auto" }, el("mark", { "data-testid": "passage-quote" }, quote)) : null;
}

function neighbour(label, text) {
  return text ? el("section.prose.neighbour", { "aria-label": label }, ...renderText(text)) : null;
}

/** Only web addresses become links: a document's metadata must not put `javascript:` here. */
function pageLink(url) {
  if (!/^(https?:\/\/|\/)/i.test(url ?? "")) return [];
  return [el("a.small-button", { href: url, target: "_blank", rel: "noopener noreferrer" },
    "Open the page", unseen(" (opens in a new tab)"), icon("out"))];
}
