/**
 * Reads server-sent events from a fetch body (EventSource cannot POST).
 * Events may be split anywhere, even inside a character or a CRLF. As the
 * standard asks, an event cut off before its blank line is dropped.
 * @param {ReadableStream<Uint8Array>} body
 * @returns {AsyncGenerator<{name: string, data: string}>}
 */
export async function* readEvents(body) {
  const reader = body.getReader();
  const splitLines = lineSplitter();
  let event = emptyEvent();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      for (const line of splitLines(value)) {
        if (line) addField(event, line);
        else {
          if (event.data.length) yield { name: event.name, data: event.data.join("\n") };
          event = emptyEvent();
        }
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function emptyEvent() {
  return { name: "message", data: [] };
}

function addField(event, line) {
  const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line);
  if (field === "event") event.name = value;
  else if (field === "data") event.data.push(value);
}

/** Turns chunks of bytes into whole lines, ended by LF, CRLF or CR. */
function lineSplitter() {
  const decoder = new TextDecoder();
  let rest = "";
  let endedInCr = false;
  return (bytes) => {
    let text = decoder.decode(bytes, { stream: true });
    if (!text) return [];
    // That CR has ended its line already; this LF is the rest of the same ending.
    if (endedInCr && text.startsWith("\n")) text = text.slice(1);
    endedInCr = text.endsWith("\r");
    const lines = (rest + text).split(/\r\n|\n|\r/);
    rest = lines.pop();
    return lines;
  };
}
