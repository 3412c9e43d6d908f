/**
 * A checkable task for a real model: customers' messages go to one of five queues, in one word. docs/worked-example.md
 * trains SmolLM2-135M-Instruct on it: a cold start from twenty examples, then reinforcement.
 *
 *   npx autodidact task check examples/support-queue.ts
 */
import { defineTask } from "autodidact";

const products = ["lamp", "kettle", "tent", "bicycle", "printer", "headset", "jacket", "blender", "desk", "camera"];

/** What customers write, by queue; the last three of each and the last three products occur in held-out problems only. */
const messages = {
  billing: [
    "I was charged twice for the {}.",
    "Why is the amount on my card higher than the price of the {}?",
    "I need an invoice for the {}.",
    "My card was declined when I paid for the {}.",
    "The discount on the {} was not taken off my bill.",
    "Can I pay for the {} in three instalments?",
    "There is a payment for a {} on my statement that I did not make.",
    "The receipt of the {} shows the wrong tax.",
    "You took the money for the {} a month too early.",
    "My bank says that you charged me again for the {}.",
    "Please send me a receipt with my company's tax number for the {}.",
    "The price I paid for the {} is not the price on the invoice.",
  ],
  delivery: [
    "Where is my {}? It should have been here on Monday.",
    "The courier left the {} with a neighbour I do not know.",
    "Can the {} be delivered on Saturday?",
    "The parcel with the {} has been at the depot for a week.",
    "My tracking number for the {} does not work.",
    "I will be away, please bring the {} a week later.",
    "The driver said nobody was home, but I was waiting for the {}.",
    "How long does shipping the {} to Norway take?",
    "The {} went to my old address.",
    "Tracking says that the {} arrived, but there is no parcel.",
    "When will the courier bring my {}?",
    "The parcel with my {} is stuck in customs.",
  ],
  returns: [
    "I want to send the {} back.",
    "The {} does not fit, how do I exchange it?",
    "How many days do I have to return the {}?",
    "I changed my mind about the {} and have not opened it.",
    "Where do I get a return label for the {}?",
    "You sent me a blue {}, I ordered a red one; I want to swap it.",
    "I sent the {} back two weeks ago and have no refund yet.",
    "Can I return the {} in your shop?",
    "I was given a second {}, may I give one back?",
    "Which address do I send the {} back to?",
    "I would like to exchange the {} for a larger one.",
    "Is the {} still within its return period?",
  ],
  technical: [
    "The {} does not switch on any more.",
    "How do I connect the {} to my phone?",
    "The {} makes a strange noise when I use it.",
    "The {} shows error 42 and stops.",
    "Which screws do I need to put the {} together?",
    "The {} gets very hot after a few minutes.",
    "Where is the manual of the {}?",
    "The app does not find my {}.",
    "How do I clean the {} without breaking it?",
    "The {} stopped working after the update.",
    "A button of the {} is stuck, can I repair it?",
    "How do I reset the {}?",
  ],
  account: [
    "I forgot my password and want to order a {}.",
    "Please change the e-mail address of my profile before I buy the {}.",
    "I cannot log in to see the order of my {}.",
    "Delete my profile, I only came for the {}.",
    "Somebody else has used my login to look at a {}.",
    "The code for signing in never arrives, and I want the {}.",
    "Please merge my two profiles, the {} is in the other one.",
    "I cannot register to buy the {}, my user name is taken.",
    "How do I stop your newsletter about the {}?",
    "My login is locked since I looked for a {}.",
    "I want to change my user name before I order the {}.",
    "The link for a new password has run out, and my {} waits in the basket.",
  ],
} as const;
type Queue = keyof typeof messages;
const queues = Object.keys(messages) as Queue[];
const heldOut = 3;

function part<T>(list: readonly T[], split: "train" | "eval"): readonly T[] {
  return split === "eval" ? list.slice(-heldOut) : list.slice(0, -heldOut);
}

export default defineTask({
  name: "support-queue",
  *problems(split, random) {
    const all = queues.flatMap((queue) =>
      part<string>(messages[queue], split).flatMap((message) =>
        part(products, split).map((product) => ({ queue, message: message.replace("{}", product) })),
      ),
    );
    do {
      for (const { queue, message } of random.shuffle(all)) {
        const prompt = `${message}\nWhich department is this for: ${queues.join(", ")}? Answer with one word.`;
        yield { id: message, prompt, level: 1, family: queue, queue };
      }
    } while (split === "train");
  },
  rewards: {
    // A program reads the answer: nothing but the name of the right queue counts.
    accuracy: {
      weight: 1,
      verify({ text, complete }, { queue }) {
        if (!complete) return { reward: 0, reason: "truncated", answer: null };
        const answer = queues.find((one) => one === text.trim().toLowerCase());
        if (answer === undefined) return { reward: 0, reason: "not-a-queue", answer: null };
        return { reward: answer === queue ? 1 : 0, reason: answer === queue ? "correct" : "wrong-queue", answer };
      },
    },
  },
  gold: ({ queue }) => queue,
});
