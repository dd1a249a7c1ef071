import type { DescFile, DescService } from "@bufbuild/protobuf";
import type { CodeGeneratorRequest } from "@bufbuild/protobuf/wkt";
import type { SagaModel, Service } from "../model.js";
import { readFacade } from "./facades.js";
import { serializeFileSet } from "./file-set.js";
import { readFile } from "./messages.js";
import { requestRegistry } from "./registry.js";
import { indexRpcs, type Rpcs } from "./rpcs.js";

/** Reads the annotations in the files to generate. It checks nothing: `check` does. */
export function read(request: CodeGeneratorRequest): SagaModel {
  const registry = requestRegistry(request);
  const rpcs = indexRpcs(registry);
  const wanted = new Set(request.fileToGenerate);
  const files = [...registry.files].filter((file) => wanted.has(file.proto.name));
  return {
    services: files.flatMap((file) => readServices(request, rpcs, file)),
    marked: files
      .flatMap((file) => file.services.flatMap((service) => service.methods.map(rpcs.of)))
      .filter((rpc) => rpc.step ?? rpc.compensation),
    files: files.map((file) => file.proto.name),
    rpcNames: rpcs.names,
  };
}

function readServices(request: CodeGeneratorRequest, rpcs: Rpcs, file: DescFile): readonly Service[] {
  return file.services
    .map((service) => readService(rpcs, service, file))
    .filter((service) => service.facades.length > 0)
    .map((service) => ({ ...service, descriptors: serializeFileSet(request, file) }));
}

function readService(rpcs: Rpcs, service: DescService, file: DescFile): Omit<Service, "descriptors"> {
  return {
    fullName: service.typeName,
    name: service.name,
    file: readFile(file),
    others: service.methods.map(rpcs.of).filter((rpc) => !rpc.facade),
    facades: service.methods.flatMap((method) => readFacade(rpcs, method) ?? []),
  };
}
