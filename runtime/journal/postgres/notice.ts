/** PostgreSQL takes payloads of fewer bytes than this. */
const mostBytes = 8_000;

/**
 * What NOTIFY tells of sagas that moved on: the process that moved them and their ids, in as few payloads as it takes.
 * An id is a line: request ids hold no line breaks, and a saga whose id does is just not told of.
 */
export function encodeNotices(prefix: string, sagaIds: Iterable<string>): string[] {
  const payloads: string[] = [];
  let payload = prefix;
  let bytes = Buffer.byteLength(prefix);
  for (const id of sagaIds) {
    const more = Buffer.byteLength(id) + 1;
    if (Buffer.byteLength(prefix) + more >= mostBytes) {
      continue;
    }
    if (bytes + more >= mostBytes) {
      payloads.push(payload);
      payload = prefix;
      bytes = Buffer.byteLength(prefix);
    }
    payload += `\n${id}`;
    bytes += more;
  }
  return payload === prefix ? payloads : [...payloads, payload];
}

/** The sagas that a payload tells of; none where this process, or another program, sent it. */
export function decodeNotice(prefix: string, payload: string): readonly string[] {
  const [sender, ...ids] = payload.split("\n");
  return sender === prefix ? [] : ids;
}
