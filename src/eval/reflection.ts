/**
 * The words by which the paper counts reflection (DeepSeek-R1, section on the evolution of reasoning behaviour: wait,
 * mistake, however, but, retry, error, verify, wrong, evaluate, check), with Chinese counterparts for answers in the
 * other language. Counting is plain: what a word means in its sentence is not looked at.
 */

export const reflectiveWords = {
  english: ["wait", "mistake", "however", "but", "retry", "error", "verify", "wrong", "evaluate", "check"],
  // wait, wrong/mistake, however, but, try again, error, verify, evaluate, check
  chinese: ["等等", "等一下", "错了", "然而", "但是", "再试", "错误", "验证", "评估", "检查"],
} as const;

const english = new Set<string>(reflectiveWords.english);

/** Occurrences in a text: English ones as whole words in any case, Chinese ones wherever they stand. */
export function countReflectiveWords(text: string): number {
  let count = 0;
  for (const word of text.toLowerCase().split(/[^a-z]+/)) {
    if (english.has(word)) count++;
  }
  for (const word of reflectiveWords.chinese) count += text.split(word).length - 1;
  return count;
}
