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

/**
 * What NOTIFY tells the owner of a saga whose message came to another process. The channel, the saga and the topic are $1, $2
 * and $3. No writer's name begins as this payload does.
 */
export const notifyOwner = `
SELECT pg_notify($1, '>' || owner || E'\\n' || id || E'\\n' || $3::text) FROM saga WHERE id = $2 AND phase = 'open'`;

/** A message of a saga that another process hands over. */
export interface HandedOver {
  readonly sagaId: string;
  readonly topic: string;
}

/** What a payload hands over to this pod; undefined where it is another pod's, or hands nothing over. */
export function decodeHandOver(podId: string, payload: string): HandedOver | undefined {
  const [to, sagaId, topic] = payload.split("\n");
  return to === `>${podId}` && sagaId !== undefined && topic !== undefined ? { sagaId, topic } : undefined;
}

/** The sagas that a payload tells of; none where this process, or another program, sent it, or it hands something over. */
export function decodeNotice(prefix: string, payload: string): readonly string[] {
  const [sender, ...ids] = payload.split("\n");
  return sender === prefix || sender?.startsWith(">") ? [] : ids;
}
