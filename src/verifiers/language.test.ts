import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AutodidactError } from "../errors.ts";
import { languageConsistency, languageOf, measureLanguage } from "./language.ts";
import { scriptMixing, wordsOf } from "./words.ts";

const texts = (text: string): string[] => wordsOf(text).map((word) => word.text);
const share = async (text: string, language: string): Promise<number> => {
  const { words, inTarget } = await measureLanguage(text, language);
  return inTarget / words;
};

/** The same four sentences of reasoning. */
const reasoning: Readonly<Record<string, string>> = {
  en: "Wait, let me check that again. First we add the two numbers and then divide by three. So the answer must be even. I made a mistake in the second step.",
  de: "Moment, ich prüfe das noch einmal. Zuerst addieren wir die beiden Zahlen und teilen dann durch drei. Also muss die Antwort gerade sein. Im zweiten Schritt habe ich einen Fehler gemacht.",
  fr: "Attends, je vérifie encore une fois. On additionne d'abord les deux nombres puis on divise par trois. La réponse doit donc être paire. J'ai fait une erreur à la deuxième étape.",
  es: "Espera, voy a comprobarlo otra vez. Primero sumamos los dos números y luego dividimos entre tres. Así que la respuesta debe ser par. Cometí un error en el segundo paso.",
  it: "Aspetta, controllo di nuovo. Prima sommiamo i due numeri e poi dividiamo per tre. Quindi la risposta deve essere pari. Ho fatto un errore nel secondo passaggio.",
  nl: "Wacht, ik controleer het nog een keer. Eerst tellen we de twee getallen op en delen dan door drie. Dus het antwoord moet even zijn. Ik heb een fout gemaakt in de tweede stap.",
  pl: "Czekaj, sprawdzę to jeszcze raz. Najpierw dodajemy dwie liczby, a potem dzielimy przez trzy. Zatem odpowiedź musi być parzysta. Popełniłem błąd w drugim kroku.",
  tr: "Bekle, bunu bir kez daha kontrol edeyim. Önce iki sayıyı toplarız, sonra üçe böleriz. O halde cevap çift olmalı. İkinci adımda bir hata yaptım.",
  vi: "Khoan, để tôi kiểm tra lại. Trước tiên ta cộng hai số rồi chia cho ba. Vậy đáp án phải là số chẵn. Tôi đã mắc lỗi ở bước thứ hai.",
  ru: "Подожди, проверю ещё раз. Сначала сложим два числа, а потом разделим на три. Значит, ответ должен быть чётным. Я ошибся на втором шаге.",
  uk: "Зачекай, перевірю ще раз. Спочатку додамо два числа, а потім поділимо на три. Отже, відповідь має бути парною. Я помилився на другому кроці.",
  ar: "انتظر، سأتحقق مرة أخرى. أولا نجمع العددين ثم نقسم على ثلاثة. إذن يجب أن يكون الجواب زوجيا. أخطأت في الخطوة الثانية.",
  zh: "等等，让我再检查一遍。首先把两个数相加，然后除以三。所以答案一定是偶数。我在第二步算错了。",
  ja: "待って、もう一度確認します。まず二つの数を足して、それから三で割ります。だから答えは偶数のはずです。二番目の手順で間違えました。",
  ko: "잠깐, 다시 확인해 보자. 먼저 두 수를 더한 다음 셋으로 나눈다. 그러므로 답은 짝수여야 한다. 두 번째 단계에서 실수했다.",
};

describe("words", () => {
  test("code, formulas, numbers, points, functions and units are no words", () => {
    assert.deepEqual(texts("Let x be 3, so $x^2 + \\alpha = y$ and \\(z_{max}\\) holds."), [
      "Let",
      "be",
      "so",
      "and",
      "holds",
    ]);
    assert.deepEqual(texts("run:\n```python\nfor item in items:\n    print(item)\n```\nthen `call(it)` done"), [
      "run",
      "then",
      "done",
    ]);
    assert.deepEqual(texts("triangle ABC has 5 cm, sin(x) = 1e5, value_1, x2y, \\frac{a}{b}, https://a.b/c?d"), [
      "triangle",
      "has",
    ]);
    assert.deepEqual(texts("\\[ a = b \\text{ if even} \\]"), ["if", "even"]);
    assert.deepEqual(texts("$$a\n+bc$$ yes"), ["yes"]);
    assert.deepEqual(texts("it costs $5 and they pay $7 more"), ["it", "costs", "and", "they", "pay", "more"]);
    assert.deepEqual(texts("9*7=63 63+2=65"), []);
    assert.deepEqual(texts("don't stop"), ["don't", "stop"]);
    assert.deepEqual(texts("e\u0301te\u0301 chaud"), ["été", "chaud"]);
  });

  test("Chinese and Japanese are cut into words", () => {
    // Where exactly is up to the dictionary of the ICU release.
    const words = texts("我们先把两个数相加");
    assert.ok(words.includes("我们") && words.includes("相加") && words.length >= 5 && words.length <= 7, words.join());
    assert.equal(
      wordsOf("もう一度確認します").some((word) => word.script === "Kana"),
      true,
    );
  });

  test("other writing doesn't hide in code, formulas or an open fence", () => {
    assert.deepEqual(texts("```\n# 检查 answer\n```"), ["检查"]);
    assert.deepEqual(texts("$检查 + x$"), ["检查"]);
    assert.deepEqual(texts("so\n```\nund das ist weiter Text"), ["so", "und", "das", "ist", "weiter", "Text"]);
  });

  test("mixing is the share outside the most common script", () => {
    assert.equal(scriptMixing(""), 0);
    assert.equal(scriptMixing("9+7=16"), 0);
    assert.equal(scriptMixing("wait, check"), 0);
    assert.equal(scriptMixing("no wait 不对 check"), 0.25);
  });
});

describe("languageConsistency", () => {
  test("each language is itself and none of the others", async () => {
    for (const [language, text] of Object.entries(reasoning)) {
      assert.equal(await share(text, language), 1, language);
      assert.equal(await languageOf(text), language);
      for (const other of Object.keys(reasoning)) {
        if (other !== language) assert.ok((await share(text, other)) < 0.2, `${language} as ${other}`);
      }
    }
  });

  test("mixed texts get the share of their words, sentence by sentence", async () => {
    const { en, es, zh } = reasoning;
    const halves = await share(`${en} ${es}`, "en");
    assert.ok(Math.abs(halves - 0.5) < 0.1, String(halves));
    const { words, inTarget } = await measureLanguage(`${en} ${zh}`, "en");
    assert.equal(inTarget, (await measureLanguage(en!, "en")).words);
    assert.ok(words > inTarget + 15);
    assert.equal(await share("let me 检查 that once more", "en"), 5 / 6);
    // A short interjection is too little to tell a language from.
    assert.equal(await share("Ja, gut.", "en"), 1);
  });

  test("the reward: thinking only, weight 1, reasons", async () => {
    const problem = { id: "1", prompt: "Wie viele Äpfel hat Tom, wenn er drei von fünf isst?", level: 1 };
    const reward = languageConsistency({ language: "en" });
    assert.equal(reward.weight, 1);
    const grade = async (text: string, of = reward): Promise<unknown> => of.verify({ text, complete: true }, problem);
    const thought = `<think>${reasoning.en}</think>`;
    assert.deepEqual(await grade(`${thought}<answer>${reasoning.zh}</answer>`), { reward: 1, reason: "consistent" });
    assert.deepEqual(await grade("<think>let me 检查 that once more</think>4"), { reward: 5 / 6, reason: "mixed" });
    assert.deepEqual(await grade("<think>9*7=63</think>63"), { reward: 0, reason: "no-words" });
    assert.deepEqual(await grade("9*7=63", languageConsistency({ language: "en", noWords: 1 })), {
      reward: 1,
      reason: "no-words",
    });
    assert.deepEqual(await grade(thought, languageConsistency({ language: "prompt" })), { reward: 0, reason: "mixed" });
    assert.deepEqual(await grade(thought, languageConsistency({ language: () => "en" })), {
      reward: 1,
      reason: "consistent",
    });
    assert.throws(
      () => languageConsistency({ language: "xx" }),
      (error) => error instanceof AutodidactError && error.code === "LANGUAGE_UNKNOWN",
    );
  });

  test("hostile texts of 200,000 characters are measured in bounded time, the same twice", async () => {
    const pieces = [
      "$",
      "$ a",
      "`",
      "\\(",
      "\\text{",
      "检",
      "あ中",
      "a中",
      "กา",
      "a'",
      "é",
      "e\u0301",
      "\u0301",
      "word ",
      "x. ",
      "```\n",
      "🙂",
      "\ud800",
    ];
    for (const piece of pieces) {
      const text = piece.repeat(Math.ceil(200_000 / piece.length));
      const start = performance.now();
      const first = await measureLanguage(text, "en");
      scriptMixing(text);
      assert.ok(performance.now() - start < 10_000, `${piece}: ${performance.now() - start} ms`);
      assert.deepEqual(await measureLanguage(text, "en"), first, piece);
    }
  });
});
