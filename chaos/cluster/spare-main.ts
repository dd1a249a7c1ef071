// A process with all modules loaded. It waits for the main program to run, so that a killed pod is back at once.
import "protosaga";
import "../../generated/handler/booking/booking/booking-service.js";

process.once("message", (order: { readonly file: string; readonly env: Readonly<Record<string, string>> }) => {
  Object.assign(process.env, order.env);
  // From now on this process ends when the program ends, as without this wrapper.
  process.channel?.unref();
  void import(order.file);
});
// The parent process has ended.
process.once("disconnect", () => process.exit(0));
