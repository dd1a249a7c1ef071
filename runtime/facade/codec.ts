/**
 * What the runtime needs of a message type: bytes for the journal and the wire, JSON for topics.
 * The message objects that ts-proto generates (`export const BookingRequest: MessageFns<BookingRequest>`) fit as they are.
 */
export interface Codec<Message> {
  encode(message: Message): { finish(): Uint8Array };
  decode(bytes: Uint8Array): Message;
  fromJSON(json: unknown): Message;
  toJSON(message: Message): unknown;
}
