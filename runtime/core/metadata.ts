/**
 * The metadata key of upstream calls that are repeated until they succeed, whatever the status: "true" where a step stands
 * past its saga's pivot.
 */
export const retriableKey = "saga-retriable";
