import { type Client, Metadata, type MethodDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

/** Sends bytes as they are, and gets bytes. */
export function callRaw(
  client: Client,
  path: string,
  body: Uint8Array,
  metadata: Readonly<Record<string, string>> = {},
): Promise<Buffer> {
  const sent = new Metadata();
  for (const [key, value] of Object.entries(metadata)) {
    sent.set(key, value);
  }
  const same = (bytes: Buffer) => bytes;
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(path, same, same, Buffer.from(body), sent, {}, (error, answer) => {
      if (error === null && answer !== undefined) {
        resolve(answer);
      } else {
        reject(error);
      }
    });
  });
}

/** What reflection answers to one question. */
export interface ReflectionAnswer {
  readonly listServicesResponse?: { readonly service: readonly { readonly name: string }[] };
  readonly fileDescriptorResponse?: { readonly fileDescriptorProto: readonly Buffer[] };
  readonly errorResponse?: { readonly errorCode: number };
}

/** Asks a server's reflection, by the protocol's own proto file. */
export function reflect(client: Client, version: "v1" | "v1alpha", question: object): Promise<ReflectionAnswer> {
  const file = new URL(import.meta.resolve("@grpc/reflection"));
  const proto = new URL(`../proto/grpc/reflection/${version}/reflection.proto`, file);
  const service = loadSync(proto.pathname)[`grpc.reflection.${version}.ServerReflection`];
  const { ServerReflectionInfo: method } = service as Record<string, MethodDefinition<object, ReflectionAnswer>>;
  if (method === undefined) {
    throw new Error("the proto file has no ServerReflectionInfo");
  }
  const { path, requestSerialize, responseDeserialize } = method;
  return new Promise((resolve, reject) => {
    const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
    stream.on("error", reject);
    stream.on("data", (answer: ReflectionAnswer) => {
      stream.end();
      resolve(answer);
    });
    stream.write(question);
  });
}
