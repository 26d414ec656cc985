import { readEvents } from "./sse.js";

const UNREACHED = "We couldn’t reach the answer service. Check your connection and try again.";
const REFUSED = "The answer service can’t take this right now.";

/** A request the server refused, or (status 0) one that never reached it. */
export class ApiError extends Error {
  /** `body` holds the server's own words; `retryAfter` is in seconds. */
  constructor(status, body = {}, retryAfter = 0) {
    super(body.message || (status ? REFUSED : UNREACHED));
    this.status = status;
    this.hint = body.hint;
    this.retryAfter = retryAfter;
  }
}

async function request(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    throw error.name === "AbortError" ? error : new ApiError(0);
  }
  if (response.ok) return response;
  const body = await response.json().catch(() => null);
  throw new ApiError(response.status, body?.error, Number(response.headers.get("Retry-After")) || 0);
}

/**
 * Reads a JSON resource, such as `/v1/page-config`.
 * @param {string} path
 * @param {AbortSignal} [signal]
 */
export async function getJson(path, signal) {
  return (await request(path, { signal })).json();
}

/**
 * Asks a question and yields the reply's events. Throws ApiError when the
 * question was not accepted; any other error means the reply broke off.
 * @param {{question: string, conversation_id: string|null}} body
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<{name: string, data: any}>}
 */
export async function* streamChat(body, signal) {
  const response = await request("/v1/chat", {
    method: "POST",
    signal,
    headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
    body: JSON.stringify(body),
  });
  for await (const { name, data } of readEvents(response.body)) {
    yield { name, data: JSON.parse(data) };
  }
}
