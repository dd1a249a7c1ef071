import type { SagaError } from "../../core/errors.js";
import { errorStatus } from "../status.js";
import { encodeFields, status200 } from "./hpack.js";

/** A refusal's encoded headers but for the saga's id, which the details hold: it is as long as the id that comes there. */
interface Template {
  readonly block: Buffer;
  /** The details, and where in them the id is. */
  readonly details: Buffer;
  readonly idAt: number;
  /** Where in the block the details are, in base64. */
  readonly detailsAt: number;
}

const templates = new WeakMap<SagaError, Map<number, Template>>();

/**
 * The encoded headers that refuse a call: its end without a message (Trailers-Only in
 * https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md). What errors have in common is encoded once: who refuses
 * thousands has no time for more.
 * @param refusal one of few, since what is encoded of it is kept
 */
export function refusalBlock(refusal: SagaError, sagaId: string): Buffer {
  const { block, details, idAt, detailsAt } = templateOf(refusal, sagaId.length);
  const filled = Buffer.from(block);
  details.write(sagaId, idAt, "latin1");
  filled.write(base64(details), detailsAt, "latin1");
  return filled;
}

function templateOf(refusal: SagaError, idLength: number): Template {
  const byLength = templates.get(refusal) ?? new Map<number, Template>();
  templates.set(refusal, byLength);
  const template = byLength.get(idLength) ?? makeTemplate(refusal, idLength);
  byLength.set(idLength, template);
  return template;
}

function makeTemplate(refusal: SagaError, idLength: number): Template {
  // No text of ours holds this character, nor does an id.
  const standIn = "\x7f".repeat(idLength);
  const { code, details: message, metadata } = errorStatus(refusal, standIn);
  const details = Buffer.from(metadata.get(detailsKey)[0] ?? "");
  const fields = encodeFields({
    "content-type": "application/grpc+proto",
    "grpc-status": String(code),
    "grpc-message": encodeURI(message),
    [detailsKey]: base64(details),
  });
  const block = Buffer.concat([status200, fields]);
  return { block, details, idAt: details.indexOf(standIn), detailsAt: block.indexOf(base64(details)) };
}

const detailsKey = "grpc-status-details-bin";

/** Without padding, as senders should (see there, "Custom-Metadata"). */
function base64(bytes: Buffer): string {
  return bytes.toString("base64").replace(/=+$/, "");
}
