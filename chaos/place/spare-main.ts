// A process with everything loaded that waits to be told which main program to be: a pod that is killed is back at once.
import "protosaga";
import "../../generated/handler/booking/booking/booking-service.js";

process.once("message", (order: { readonly file: string; readonly env: Readonly<Record<string, string>> }) => {
  Object.assign(process.env, order.env);
  // From now on this process ends when the program has nothing more to do, as it would by itself.
  process.channel?.unref();
  void import(order.file);
});
// Whoever started it is gone.
process.once("disconnect", () => process.exit(0));
