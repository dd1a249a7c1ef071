export { actionKey, type Business, createLedger, isCompensation, type Ledger, type LedgerRow } from "./world/ledger.js";
export type { CommitFate, DiskBehaviour } from "./world/own-journal.js";
export type { Ask, Asked, Pod } from "./world/pod.js";
export type { Crossing, Probe, Process } from "./world/process.js";
export type { Scheduler } from "./world/scheduler.js";
export type { SagaRow, Tables } from "./world/tables.js";
export type { Arrived, Attempt, Network, Service, Travel } from "./world/upstreams.js";
export { type CrashPoint, crashAt, createWorld, type World, type WorldOptions } from "./world/world.js";
