import { type Change, mail, ship } from "./shop.js";

/** Changes of topics: they break no structure. */
export const topicBreaks: readonly Change[] = [
  {
    name: "topics that two steps exchange",
    from: `${ship}\n      ${mail}`,
    to: 'steps: {call: "shop.Up.Ship" topic: "mail"}\n      steps: {call: "shop.Up.Mail" topic: "ship_it"}',
    says: [
      [
        "SAGA_BREAK_TOPIC_REUSED",
        'steps: {call: "shop.Up.Ship" topic: "mail"',
        'topic "mail" belonged to step mail of shop.Shop.Buy and belongs to step ship of shop.Shop.Buy now, and waiting messages would be dead-lettered; set another topic',
      ],
      [
        "SAGA_BREAK_TOPIC_REUSED",
        'steps: {call: "shop.Up.Mail" topic: "ship_it"',
        'topic "ship_it" belonged to step ship of shop.Shop.Buy',
      ],
    ],
  },
  {
    name: "another topic of a step",
    from: `topic: "ship_it"`,
    to: `topic: "ship"`,
    says: [
      [
        "SAGA_BREAK_TOPIC_MOVED",
        'steps: {call: "shop.Up.Ship" topic: "ship"',
        'the topic of step ship of shop.Shop.Buy was "ship_it" and is "ship" now',
      ],
    ],
  },
  {
    name: "another rollback topic",
    from: `rollback_topic: "cancel_buy"`,
    to: `rollback_topic: "undo_buy"`,
    says: [
      [
        "SAGA_BREAK_TOPIC_MOVED",
        'rollback_topic: "undo_buy"',
        'the topic of the rollback of shop.Shop.Buy was "cancel_buy" and is "undo_buy" now',
      ],
    ],
  },
];
