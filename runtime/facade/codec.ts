/**
 * A message type as the runtime uses it: bytes for the journal and the wire, JSON for topics. The message objects that
 * ts-proto generates (`export const BookingRequest: MessageFns<BookingRequest>`) are codecs.
 */
export interface Codec<Message> {
  encode(message: Message): { finish(): Uint8Array };
  decode(bytes: Uint8Array): Message;
  fromJSON(json: unknown): Message;
  toJSON(message: Message): unknown;
}
