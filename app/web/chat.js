import { ApiError, getJson, streamChat } from "./api.js";
import { Composer } from "./composer.js";
import { announce, button, el, icon } from "./dom.js";
import { Reply, agentMessage, customerMessage, problemBox } from "./message.js";
import { PassagePanel } from "./panel.js";

const STORED_ID = "answerable.conversation";
const GAP_ABOVE_QUESTION = 88;

const part = (id) => document.getElementById(id);
const thread = part("thread");
const composer = new Composer(part("composer"), { onSend: ask, onStop: () => streaming?.abort() });
const panel = new PassagePanel(part("panel"), () => composer.focus());

let page = { name: "Help", greeting: "How can we help?", suggestions: [] };
let conversationId = null;
let streaming = null; // the AbortController of the reply now arriving
let followed = null; // the question kept in view while its reply grows
let lastScroll = 0;
// Storage can be switched off in the browser; then a reload starts afresh.
const storage = (() => { try { return sessionStorage; } catch { return {}; } })();

async function start() {
  part("new-conversation").addEventListener("click", startAfresh);
  page = { ...page, ...(await getJson("/v1/page-config").catch(() => null)) };
  showPage();
  await restoreConversation();
  showThread();
  if (thread.firstChild) scrollToEnd();
}

function showPage() {
  document.title = page.name;
  part("company").textContent = page.name;
  part("greeting").textContent = page.greeting;
  part("suggestions").replaceChildren(...page.suggestions.map((text) => el("li", {},
    button("suggestion", { "data-testid": "suggestion", dir: "auto", onclick: () => ask(text) }, text, icon("go")))));
}

/** Shows the conversation, or the welcome while there is none. */
function showThread() {
  const empty = !thread.firstChild;
  part("welcome").hidden = !empty;
  part("conversation").hidden = empty;
}

async function restoreConversation() {
  const id = storage[STORED_ID];
  if (!id) return;
  try {
    const { messages } = await getJson(`/v1/conversations/${encodeURIComponent(id)}`);
    // Someone quick may have asked before the old conversation arrived.
    if (thread.firstChild) return;
    conversationId = id;
    thread.append(...messages.map(restoredMessage));
  } catch (error) {
    if (error.status === 404) forgetConversation();
    else showNotice("Your earlier conversation could not be loaded.", "Reload the page to try again, or ask a new question.");
  }
}

function restoredMessage({ role, text, citations, handoff, served_by }) {
  if (role === "customer") return customerMessage(text);
  if (role === "agent") return agentMessage(text);
  const reply = newReply();
  for (const citation of citations ?? []) reply.addCitation(citation);
  if (handoff) reply.addHandoff(handoff);
  reply.finish({ answer: text, served_by }, false);
  return reply.element;
}

function newReply() {
  return new Reply({ author: page.name, onOpen: (citation, opener) => panel.open(citation, opener), onGrow: follow });
}

function ask(question) {
  if (streaming) return;
  const asked = customerMessage(question);
  part("notice").replaceChildren();
  thread.append(asked);
  showThread();
  answer(question, asked);
}

async function answer(question, asked) {
  const controller = new AbortController();
  const { signal } = controller;
  const reply = newReply();
  const retry = () => {
    if (streaming) return;
    reply.element.remove();
    answer(question, asked);
  };
  thread.append(reply.element);
  setStreaming(controller);
  keepInView(asked);
  composer.focus();
  announce("Looking through the documents.");
  try {
    for await (const { name, data } of streamChat({ question, conversation_id: conversationId }, signal)) {
      take(reply, name, data, retry);
      if (reply.ended) break;
    }
    if (!reply.ended) reply.interrupt(retry);
  } catch (error) {
    if (!reply.element.isConnected) return; // a new conversation has begun
    if (signal.aborted) reply.stop();
    else if (error instanceof ApiError) giveBack(question, asked, reply, error);
    else reply.interrupt(retry);
  }
  if (streaming === controller) setStreaming(null);
}

function take(reply, name, data, retry) {
  if (name === "meta") rememberConversation(data.conversation_id);
  else if (name === "token") reply.addText(data.text);
  else if (name === "citation") reply.addCitation(data);
  else if (name === "handoff") reply.addHandoff(data);
  else if (name === "done") reply.finish(data);
  else if (name === "error") reply.fail(data.message || "Something went wrong while answering.", data.hint, retry);
}

/** The server did not take the question: undo the sending and give the text back. */
function giveBack(question, asked, reply, { message, hint, retryAfter }) {
  asked.remove();
  reply.element.remove();
  composer.restore(question);
  const wait = retryAfter ? `You can send it again in about ${retryAfter} ${retryAfter === 1 ? "second" : "seconds"}.` : "";
  showThread();
  showNotice(message, [hint, wait, "Your question is still in the box below."].filter(Boolean).join(" "));
}

function showNotice(title, details) {
  part("notice").replaceChildren(problemBox(title, details));
  scrollToEnd();
}

function scrollToEnd() {
  scrollTo(0, document.body.scrollHeight);
}

function setStreaming(controller) {
  streaming = controller;
  composer.setBusy(controller !== null);
}

function startAfresh() {
  const stopped = streaming;
  setStreaming(null);
  stopped?.abort();
  part("panel").close();
  forgetConversation();
  thread.replaceChildren();
  part("notice").replaceChildren();
  showThread();
  composer.focus();
  announce("New conversation.");
}

function keepInView(question) {
  followed = question;
  lastScroll = scrollY;
  follow();
}

/** Scrolls with a growing reply, until its question is at the top or the customer scrolls back. */
function follow() {
  if (scrollY < lastScroll - 4) followed = null;
  if (!followed?.isConnected) return;
  const questionAtTop = scrollY + followed.getBoundingClientRect().top - GAP_ABOVE_QUESTION;
  const target = Math.min(questionAtTop, document.documentElement.scrollHeight - innerHeight);
  // Someone reading further down is never pulled back up.
  if (target > scrollY) scrollTo(0, target);
  lastScroll = scrollY;
}

function rememberConversation(id) {
  conversationId = id;
  storage[STORED_ID] = id;
}

function forgetConversation() {
  conversationId = null;
  delete storage[STORED_ID];
}

start();
