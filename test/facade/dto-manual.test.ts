import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { handleAsyncBookingDto } from "../../generated/dto/booking/booking/booking-service/handle-async-booking.js";
import { repository } from "../support/compiled/program.js";

const manual = readFileSync(join(repository, "docs/reference/topics.md"), "utf8");
const [message, withBytes] = [...manual.matchAll(/```json\n([\s\S]*?)```/g)].map(([, json = ""]) => JSON.parse(json));

test("the manual's message is a DTO", () => {
  const dto = handleAsyncBookingDto.decode(JSON.stringify(message));
  expect(dto).toMatchObject({ currentIndex: 1, request: { ProductID: 1n }, results: { createOrder: { orderId: 1n } } });
  expect(JSON.parse(handleAsyncBookingDto.encode(dto))).toEqual(message);
});

test("the manual's message with bytes is a DTO", () => {
  const dto = handleAsyncBookingDto.decode(JSON.stringify({ ...message, ...withBytes }));
  expect(dto.request).toEqual({ ProductID: 1n, Count: 0n, FaultInject: false });
  expect(Buffer.from(dto.wire?.request ?? []).toString("latin1")).toContain("gift");
  expect(JSON.parse(handleAsyncBookingDto.encode(dto))).toEqual({ ...message, ...withBytes });
});

test("the manual documents every key", () => {
  for (const key of Object.keys({ ...message, ...withBytes })) {
    expect(manual).toContain(`| \`${key}\``);
  }
});
