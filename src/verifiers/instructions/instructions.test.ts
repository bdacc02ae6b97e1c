import { constantFrom, assert, property, string } from "fast-check"
import { describe, expect, test } from "vitest"
import type { Verdict } from "../verifier.ts"
import { countCapitalWords, countSentences, countStarParagraphs, countWords, firstWord } from "./counting.ts"
import { instructionNames, instructionsVerifier } from "./instructions.ts"
import { detectLanguage, isInLanguage } from "./language.ts"

type Case = readonly [id: string, given: Record<string, unknown>, follows: string, breaks: string]

const english = "It is a truth that we all know and that is not to be doubted by you or me"
const german = "Es ist eine Wahrheit, die wir alle kennen und die von dir oder mir nicht zu bezweifeln ist"

const cases: readonly Case[] = [
  ["keywords:existence", { keywords: ["Sun", "moon"] }, "the sun and the Moon", "the sun"],
  ["keywords:frequency", { keyword: "cat", frequency: 2, relation: "at least" }, "a cat, a Cat", "a cat"],
  ["keywords:frequency", { keyword: "cat", frequency: 2, relation: "less than" }, "a cat", "a cat, a Cat"],
  ["keywords:forbidden_words", { forbidden_words: ["cat"] }, "concatenate", "a Cat."],
  ["keywords:letter_frequency", { letter: "e", let_frequency: 3, let_relation: "at least" }, "Eerie", "even"],
  ["language:response_language", { language: "de" }, german, english],
  [
    "length_constraints:number_sentences",
    { num_sentences: 2, relation: "at least" },
    "Dr. Who is here. He left!",
    "Dr. Who is here at 3.14.",
  ],
  ["length_constraints:number_paragraphs", { num_paragraphs: 2 }, "one\n***\ntwo", "one\n\ntwo"],
  ["length_constraints:number_words", { num_words: 3, relation: "less than" }, "two words", "now three words"],
  [
    "length_constraints:nth_paragraph_first_word",
    { num_paragraphs: 2, nth_paragraph: 2, first_word: "then" },
    'First this.\n\n"Then, that.',
    "First this.\n\nThat then.",
  ],
  ["detectable_content:number_placeholders", { num_placeholders: 2 }, "Dear [name], see [place].", "Dear [name]."],
  ["detectable_content:postscript", { postscript_marker: "P.S." }, "Bye.\nP. S. call me", "Bye."],
  ["detectable_content:postscript", { postscript_marker: "P.P.S" }, "Bye.\np.p.s call me", "Bye. P.S. call"],
  ["detectable_format:number_bullet_lists", { num_bullets: 2 }, "* a\n- b", "* a\n** b"],
  ["detectable_format:constrained_response", {}, "My answer is maybe.", "Maybe."],
  ["detectable_format:number_highlighted_sections", { num_highlights: 2 }, "*one* and **two**", "*one* and ** **"],
  [
    "detectable_format:multiple_sections",
    { section_spliter: "SECTION", num_sections: 2 },
    "SECTION 1\na\nSECTION 2\nb",
    "SECTION 1\na",
  ],
  ["detectable_format:json_format", {}, '```json\n{"a": 1}\n```', "{a: 1}"],
  ["detectable_format:title", {}, "<<A title>>\ntext", "<<>> text"],
  ["combination:two_responses", {}, "one\n******\ntwo", "one\n******\none"],
  ["combination:repeat_prompt", { prompt_to_repeat: "Say hi." }, "say hi. Hi!", "Hi!"],
  ["startend:end_checker", { end_phrase: "The end." }, 'So it was. the END."', "The end. Or not."],
  ["startend:quotation", {}, '"quoted\ntext"', '"quoted" text'],
  [
    "change_case:capital_word_frequency",
    { capital_frequency: 2, capital_relation: "at least" },
    "NASA and U.S. fly",
    "NASA and You fly",
  ],
  ["change_case:english_capital", {}, english.toUpperCase(), english],
  ["change_case:english_lowercase", {}, english.toLowerCase(), `${english} I`],
  ["punctuation:no_comma", {}, "no comma", "one, two"],
]

function judge(completion: string, ids: readonly string[], kwargs: readonly object[], options = {}): Verdict {
  return instructionsVerifier(options).verify({
    gold: JSON.stringify({ instruction_id_list: ids, kwargs }),
    completion,
  }) as Verdict
}

describe("each of the 25 instructions of IFEval", () => {
  test("has a case here", () => {
    expect(instructionNames).toHaveLength(25)
    expect([...new Set(cases.map(([id]) => id))].sort()).toEqual(instructionNames)
  })

  test.each(cases)("%s %j is followed by %j and not by %j", (id, given, follows, breaks) => {
    expect(judge(follows, [id], [given])).toMatchObject({ status: "correct", reward: 1 })
    expect(judge(breaks, [id], [given])).toMatchObject({
      status: "incorrect",
      reward: 0,
      reason: expect.stringContaining(id),
    })
  })

  test("throws on no response and takes no time on long ones", () => {
    const given = Object.assign({}, ...cases.map(([, one]) => one)) as Record<string, unknown>
    assert(
      property(constantFrom(...instructionNames), string(), string(), (id, text, unit) => {
        const started = performance.now()
        expect(["correct", "incorrect", "no-answer"]).toContain(judge(text + unit.repeat(2000), [id], [given]).status)
        expect(performance.now() - started).toBeLessThan(500)
      }),
      { numRuns: 300 },
    )
    for (const unit of ["*", "<<", "[", '"', "a.", "A", "******", "- ", "P. ", "\n", "[[a"]) {
      const started = performance.now()
      for (const id of instructionNames) judge(unit.repeat(50_000), [id], [given])
      expect(performance.now() - started, unit).toBeLessThan(8000)
    }
  })
})

describe("instructions together", () => {
  const ids = ["punctuation:no_comma", "startend:quotation"]

  test("must all be followed, or count by their share", () => {
    expect(judge('"yes"', ids, [{}, {}]).status).toBe("correct")
    expect(judge("yes", ids, [{}, {}])).toMatchObject({
      status: "incorrect",
      reward: 0,
      extracted: "1 of 2 instructions followed",
    })
    expect(judge("yes", ids, [{}, {}], { reward: "share" })).toMatchObject({ status: "incorrect", reward: 0.5 })
  })

  test("are followed loosely when they are without the first or last line or without stars", () => {
    const response = 'Sure, here it is:\n"**yes**"\nHope, this helps'
    expect(judge(response, ids, [{}, {}]).status).toBe("incorrect")
    expect(judge(response, ids, [{}, {}], { mode: "loose" }).status).toBe("correct")
  })

  test("come from the row where the gold has none, or as a list", () => {
    const verifier = instructionsVerifier()
    const row = { instruction_id_list: ["punctuation:no_comma"], kwargs: [{}] }
    expect(verifier.verify({ gold: "", completion: "a", row })).toMatchObject({ status: "correct" })
    const gold = '[{"id": "length_constraints:number_words", "num_words": 2, "relation": "at least"}]'
    expect(verifier.verify({ gold, completion: "a" })).toMatchObject({ status: "incorrect" })
  })

  test("that are unknown or lack an argument are the fault of the gold", () => {
    expect(judge("a", ["punctuation:no_commas"], [{}])).toMatchObject({
      status: "unparsable-gold",
      reason: expect.stringContaining("did you mean punctuation:no_comma"),
    })
    expect(judge("a", ["keywords:existence"], [{}])).toMatchObject({
      status: "unparsable-gold",
      reason: expect.stringContaining("keywords"),
    })
    expect(judge("a", ["length_constraints:number_words"], [{ num_words: 2, relation: "about" }]).status).toBe(
      "unparsable-gold",
    )
    expect(instructionsVerifier().verify({ gold: "{}", completion: "a" })).toMatchObject({ status: "unparsable-gold" })
    expect(judge(" ", ["punctuation:no_comma"], [{}]).status).toBe("no-answer")
  })
})

test("words, sentences and paragraphs are counted as IFEval counts them", () => {
  expect(countWords("It's a well-known 2nd fact: été_1")).toBe(8)
  expect(countCapitalWords("NASA's U.S. A-B I x2 X2 Été ÉTÉ")).toBe(6)
  expect(countSentences('Mr. Smith paid $3.50 for it, e.g. at example.com. Did J. Doe? Yes... "No!" she said.')).toBe(5)
  expect(countSentences("")).toBe(0)
  expect(countSentences("no full stop")).toBe(1)
  expect(countStarParagraphs("a\n***\nb\n***\n")).toBe(2)
  expect(countStarParagraphs("a\n***\n***\nb")).toBeUndefined()
  expect(firstWord("  \"'Hello, world")).toBe("")
  expect(firstWord('"Hello, world')).toBe("hello")
})

describe("the language of a text", () => {
  test.each([
    ["en", english],
    ["de", german],
    ["fr", "C'est une vérité que nous connaissons tous et qui ne peut pas être mise en doute par vous ou moi"],
    ["es", "Es una verdad que todos conocemos y que no puede ser puesta en duda por ti o por mí"],
    ["it", "È una verità che tutti conosciamo e che non può essere messa in dubbio da te o da me"],
    ["pt", "É uma verdade que todos nós conhecemos e que não pode ser posta em dúvida por você ou por mim"],
    ["nl", "Het is een waarheid die we allemaal kennen en die niet door jou of mij kan worden betwijfeld"],
    ["sv", "Det är en sanning som vi alla känner till och som inte kan betvivlas av dig eller mig"],
    ["fi", "Se on totuus jonka me kaikki tunnemme ja jota et sinä tai minä voi epäillä kun se on niin"],
    ["pl", "To jest prawda, którą wszyscy znamy i której nie można podważyć ani przez ciebie, ani przeze mnie"],
    ["tr", "Bu hepimizin bildiği bir gerçek ve sen ya da ben bunu sorgulayamayız çünkü çok açık bir şey"],
    ["vi", "Đó là một sự thật mà tất cả chúng ta đều biết và không thể nghi ngờ được bởi những người khác"],
    ["sw", "Hii ni kweli ambayo sisi sote tunajua na kwa hiyo haiwezi kuwa na shaka kwa watu wa hapa"],
    ["ru", "Это истина, которую мы все знаем и в которой нельзя сомневаться"],
    ["uk", "Це істина, яку ми всі знаємо і в якій не можна сумніватися, бо її довели"],
    ["bg", "Това е истина, която всички знаем и която не може да се оспори от вас и от мен, защото е ясна"],
    ["ar", "هذه حقيقة نعرفها جميعا ولا يمكن الشك فيها"],
    ["fa", "این حقیقتی است که همه ما می‌دانیم و نمی‌توان در آن شک کرد"],
    ["ur", "یہ ایک حقیقت ہے جسے ہم سب جانتے ہیں اور اس پر شک نہیں کیا جا سکتا"],
    ["hi", "यह एक सच्चाई है जिसे हम सब जानते हैं और जिस पर संदेह नहीं किया जा सकता"],
    ["mr", "हे एक सत्य आहे जे आपण सर्व जाणतो आणि त्यावर शंका घेता येत नाही"],
    ["bn", "এটি একটি সত্য যা আমরা সবাই জানি"],
    ["ta", "இது நாம் அனைவரும் அறிந்த உண்மை"],
    ["te", "ఇది మనందరికీ తెలిసిన నిజం"],
    ["kn", "ಇದು ನಮಗೆಲ್ಲರಿಗೂ ತಿಳಿದಿರುವ ಸತ್ಯ"],
    ["gu", "આ એક સત્ય છે જે આપણે બધા જાણીએ છીએ"],
    ["pa", "ਇਹ ਇੱਕ ਸੱਚਾਈ ਹੈ ਜੋ ਅਸੀਂ ਸਾਰੇ ਜਾਣਦੇ ਹਾਂ"],
    ["th", "นี่คือความจริงที่เราทุกคนรู้"],
    ["ko", "이것은 우리 모두가 아는 진실이다"],
    ["ja", "これは私たち全員が知っている真実です"],
    ["zh", "这是我们都知道的真理"],
    ["he", "זו אמת שכולנו מכירים"],
    ["el", "Αυτή είναι μια αλήθεια που όλοι γνωρίζουμε"],
  ])("%s is told", (language, text) => {
    expect(detectLanguage(text)).toBe(language)
    expect(isInLanguage(text, language)).toBe(true)
    expect(isInLanguage(text, language === "en" ? "de" : "en")).toBe(false)
  })

  test("is told by its script even with English words in between, and not at all without words", () => {
    expect(detectLanguage("यह GPU पर बहुत तेज़ चलता है और सभी के लिए उपलब्ध है")).toBe("hi")
    expect(detectLanguage("12 + 3")).toBeUndefined()
    expect(isInLanguage("12 + 3", "de")).toBe(true)
  })
})
