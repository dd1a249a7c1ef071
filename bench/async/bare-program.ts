// What a good user would write by hand with kafkajs: the same messages through as many topics and partitions, the same
// upstream calls, an idempotent producer, offsets committed only after the messages are handled. Nothing is journaled:
// a message that is delivered again after a crash is handled again, and nothing is ever compensated.
import { Server } from "@grpc/grpc-js";
import kafkajs, { type Producer } from "kafkajs";
import { handleAsyncBookingDto as dto } from "../../generated/dto/booking/booking/booking-service/handle-async-booking.js";
import { type BookingServiceServer, BookingServiceService } from "../../generated/pb/booking/booking.js";
import { openCompletionFeed } from "../support/completion-feed.js";
import type { AsyncReady } from "../support/facade.js";
import { listen } from "../support/listen.js";
import { connectUpstreams } from "../support/upstream-clients.js";
import { answerCommands } from "../support/worker.js";
import { createBareSender } from "./bare-sender.js";
import { readSetup } from "./side.js";

const { Kafka, logLevel, Partitioners } = kafkajs;
const { orderAddress, paymentAddress, brokers, partitions } = readSetup();
const topics = { orders: "bare_create_order", payments: "bare_create_payment" } as const;
const upstreams = connectUpstreams(orderAddress, paymentAddress);
const feed = await openCompletionFeed();
const kafka = new Kafka({ clientId: "bare", brokers: [...brokers], logLevel: logLevel.ERROR });
const send = createBareSender(await openProducer());

type Message = ReturnType<typeof dto.decode>;

async function openProducer(): Promise<Producer> {
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({
    topics: Object.values(topics).map((topic) => ({ topic, numPartitions: partitions })),
  });
  await admin.disconnect();
  const producer = kafka.producer({
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  return producer;
}

/** One consumer for each topic, so that a slow one does not delay the other. */
async function consume(topic: string, handle: (message: Message) => Promise<unknown>): Promise<void> {
  const consumer = kafka.consumer({ groupId: `bare-${topic}`, maxWaitTimeInMs: 200 });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    partitionsConsumedConcurrently: partitions,
    autoCommitInterval: 100,
    eachBatch: async ({ batch }) => {
      // Ids differ, so the order within a batch does not matter.
      await Promise.all(batch.messages.map(({ value }) => handle(dto.decode(String(value)))));
    },
  });
}

function forward(topic: string, message: Message): Promise<void> {
  return send({ topic, key: message.requestId, value: dto.encode(message) });
}

await consume(topics.orders, async (message) => {
  const createOrder = await upstreams.createOrder(message.requestId, message.request);
  await forward(topics.payments, { ...message, currentIndex: 1, results: { createOrder } });
});
await consume(topics.payments, async ({ requestId, request, results }) => {
  await upstreams.createPayment(requestId, request, results.createOrder?.orderId ?? 0n);
  feed.ended(requestId, true);
});

const server = new Server();
const handlers: BookingServiceServer = {
  handleAsyncBooking({ metadata, request }, callback) {
    const requestId = String(metadata.get("x-request-id")[0]);
    const message: Message = {
      requestId,
      facade: "pb.BookingService/HandleAsyncBooking",
      currentIndex: 0,
      topics: Object.values(topics),
      rollbackTopic: "bare_cancel_booking",
      request,
      results: {},
    };
    forward(topics.orders, message).then(
      () => callback(null, { RequestID: requestId }),
      (error: unknown) => callback({ details: String(error) }),
    );
  },
  handleSyncBooking: (_call, callback) => callback({ details: "the bench is of the async facade" }),
  handleThrottledBooking: (_call, callback) => callback({ details: "the bench is of the async facade" }),
};
server.addService(BookingServiceService, handlers);
answerCommands({ address: await listen(server), feed: feed.port } satisfies AsyncReady);
