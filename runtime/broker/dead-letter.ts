/** The topic that holds what could not be handled on a topic. */
export function deadLetterTopic(topic: string): string {
  return `${topic}.dead-letter`;
}
