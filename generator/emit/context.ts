import type { EmitOptions, PlannedFacade, PlannedService, PlannedStep } from "../model.js";
import type { Layout } from "./layout.js";
import type { Paths } from "./paths.js";

/** The input of every file of a facade. */
export interface FacadeContext {
  readonly facade: PlannedFacade;
  readonly service: PlannedService;
  readonly paths: Paths;
  readonly options: EmitOptions;
}

/** A file to print. The path is relative to `out`. */
export interface EmittedFile {
  readonly path: string;
  readonly layout: Layout;
}

/** "pb.BookingService/HandleSyncBooking" */
export function facadeName(facade: PlannedFacade): string {
  return `${facade.rpc.service}/${facade.rpc.name}`;
}

/** The exported name of a step's node: "createOrder". */
export function nodeName(step: PlannedStep): string {
  return step.identifier;
}

/** The steps that have finished before a step starts: those of earlier groups. */
export function finishedBefore(step: PlannedStep, facade: PlannedFacade): readonly PlannedStep[] {
  return facade.steps.filter(({ group }) => group < step.group);
}

/** The steps whose results the response may use. An async facade answers before any step runs. */
export function finishedBeforeAnswer(facade: PlannedFacade): readonly PlannedStep[] {
  return facade.mode === "async" ? [] : facade.steps;
}
