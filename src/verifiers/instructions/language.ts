/**
 * Which language a text is in, modestly: by its script where that decides, else by the share of frequent small words.
 * Good enough for whole responses; a sentence of a few words may be undecided.
 */

const SCRIPTS: readonly (readonly [RegExp, string])[] = [
  [/\p{Script=Hangul}/gu, "ko"],
  [/[\p{Script=Hiragana}\p{Script=Katakana}]/gu, "ja"],
  [/\p{Script=Han}/gu, "zh"],
  [/\p{Script=Cyrillic}/gu, "ru"],
  [/\p{Script=Arabic}/gu, "ar"],
  [/\p{Script=Devanagari}/gu, "hi"],
  [/\p{Script=Bengali}/gu, "bn"],
  [/\p{Script=Tamil}/gu, "ta"],
  [/\p{Script=Telugu}/gu, "te"],
  [/\p{Script=Kannada}/gu, "kn"],
  [/\p{Script=Malayalam}/gu, "ml"],
  [/\p{Script=Gujarati}/gu, "gu"],
  [/\p{Script=Gurmukhi}/gu, "pa"],
  [/\p{Script=Thai}/gu, "th"],
  [/\p{Script=Hebrew}/gu, "he"],
  [/\p{Script=Greek}/gu, "el"],
  [/\p{Script=Armenian}/gu, "hy"],
  [/\p{Script=Georgian}/gu, "ka"],
]

/** Languages that share a script: letters or words that only some of them have. */
const VARIANTS: Readonly<Record<string, readonly (readonly [RegExp, string])[]>> = {
  ru: [
    [/[іїєґ]/giu, "uk"],
    [/(?<!\p{L})(?:се|е|са|със|че|като|който|което|които|това|ще|бъде)(?!\p{L})|ъ(?=\p{L})/giu, "bg"],
  ],
  ar: [
    [/[ٹڈڑںےہھ]/gu, "ur"],
    [/[پچژگک]|ی/gu, "fa"],
  ],
  hi: [
    [/(?<!\p{L}\p{M}?)(?:आहे|आणि|नाही|आहेत|होते|मध्ये|करून)(?!\p{L})/gu, "mr"],
    [/(?<!\p{L}\p{M}?)(?:छ|छन्|हुन्छ|गर्न|भएको|पनि|गरेको)(?!\p{L})/gu, "ne"],
  ],
}
/** Share of the words (or letters) of a text that make it the variant. */
const VARIANT_SHARE = 0.04

const FREQUENT: Readonly<Record<string, string>> = {
  en: "the of and to in is that it for was on are with as be this have from or at by not you we can which their will has but they his her what if more about would there been its all i my your our when how who so do an a",
  de: "der die das und ist nicht ein eine zu den mit von für auf dem des sich im auch es an werden aus er hat dass sie nach bei einer um am sind noch wie einem über einen so zum war haben nur oder aber vor zur bis mehr durch man wird ich wir ihr",
  fr: "le la les de des et est un une du en que qui dans pour pas au sur ne se ce il plus par avec sont tout nous vous mais ou leur cette aux été être elle ses ces son sa je on comme y d l qu n c s j",
  es: "el la los las de y que en un una es por con para no se su del al lo como más pero sus le ya o este sí porque esta entre cuando muy sin sobre también me hasta hay donde quien desde todo nos durante estos uno ni ser son",
  it: "il lo la gli le di e che è un una per in con non si da del della dei sono come più ma anche al alla nel nella ha questo se delle degli dal essere molto o tra suo sua ci i cui stato quando",
  pt: "o a os as de e que em um uma é para com não se do da dos das por mais no na como mas ao ele à seu sua ou quando muito nos já eu também só pelo pela até isso são você foi tem ser às nas",
  nl: "de het een en van is dat niet in op te zijn met voor aan er als maar om ook dan bij nog uit naar wordt door over heeft worden deze dit was hij ze zij wij je u ik die kan meer zo",
  sv: "och att det som en på är av för med den till inte har ett om de var jag men så vi han kan från när eller ska också sin hade nu man där mycket efter detta dem vara bli",
  da: "og at det som en på er af for med den til ikke har et om de var jeg men så vi han kan fra når eller skal også sin havde nu man hvor meget efter dette dem være blive sig",
  no: "og at det som en på er av for med den til ikke har et om de var jeg men så vi han kan fra når eller skal også sin hadde nå man hvor mye etter dette dem være bli seg",
  fi: "ja on ei se että oli hän ovat mutta kun niin tai myös joka jos sen ole kuin mitä vain hänen minä sinä ne nyt voi olla tämä tämän jotka sekä mukaan kanssa",
  pl: "i w nie na się z do to że jest o jak po co tak ale za od przez dla przy być był ich jego która który które są ten tym lub oraz może tylko już czy także",
  cs: "a se v na je že o s z do i to jako za by ale pro po které který byl jsou jeho nebo jak také už podle však při být tak od",
  ro: "și de la a în cu pe nu este că un o din pentru mai sunt care ce se sau dar al ale fi au prin după lui ei acest această",
  hu: "a az és hogy nem is egy van de ez meg csak mint már ha volt vagy még ki el lehet azt nagyon szerint között",
  tr: "ve bir bu için ile de da çok olarak daha ne gibi olan kadar en var ama her o değil sonra mı mi şey ki ise veya",
  vi: "và của là có không được cho các một trong những với người này đã để khi từ đến về cũng như ra tôi nó thể nhiều sẽ làm",
  id: "yang dan di untuk dengan ini dari dalam tidak itu pada adalah akan juga ke karena ada oleh atau sebagai bisa kami mereka lebih saya kita telah dapat",
  sw: "na ya wa kwa ni za katika la cha kuwa hii hiyo yake kama vya watu lakini au pia sana yao kila huo wake wao mimi",
  tl: "ang ng sa na mga ay at ito si may para ni kung hindi siya ako niya nila kanilang o rin din ngunit upang",
  sq: "dhe të në e i një për me që nuk është nga si më ka por do këtë u ishte kjo ky apo janë",
  lt: "ir yra kad su iš į tai bet kaip ar už apie po nuo buvo jis jo kuris jie taip tik dar labai",
}

const WORDS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries(FREQUENT).map(([language, words]) => [language, new Set(words.split(" "))]),
)

const SEARCHED_CHARACTERS = 20_000
/** The share of frequent words from which a language in Latin letters counts as recognised. */
const RECOGNISED_SHARE = 0.12

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0
}

/** ISO 639-1 code of a text's main language; undefined when it is not clear. */
export function detectLanguage(text: string): string | undefined {
  const read = text.slice(0, SEARCHED_CHARACTERS)
  const letters = count(read, /\p{L}/gu)
  if (letters === 0) return undefined
  const latin = count(read, /\p{Script=Latin}/gu)
  if (latin * 2 >= letters) return byWords(read)
  let best: readonly [number, string] | undefined
  for (const [pattern, language] of SCRIPTS) {
    const found = count(read, pattern)
    if (found > (best?.[0] ?? 0)) best = [found, language]
  }
  // Japanese mixes Han with its own syllables, which no other language has.
  if (best?.[1] === "zh" && count(read, /[\p{Script=Hiragana}\p{Script=Katakana}]/gu) * 10 > best[0]) return "ja"
  const words = Math.max(count(read, /[\p{L}\p{M}]+/gu), 1)
  const variants = VARIANTS[best?.[1] ?? ""] ?? []
  for (const [pattern, language] of variants) if (count(read, pattern) > words * VARIANT_SHARE * 2) return language
  return best?.[1]
}

function byWords(text: string): string | undefined {
  const words = text.toLowerCase().match(/\p{L}+/gu) ?? []
  let best: readonly [number, string] | undefined
  for (const [language, frequent] of WORDS) {
    const share = words.reduce((total, word) => total + Number(frequent.has(word)), 0) / words.length
    if (share > (best?.[0] ?? 0)) best = [share, language]
  }
  return best !== undefined && best[0] >= RECOGNISED_SHARE ? best[1] : undefined
}

/** Codes of one language, or of ones that share so much that this detector does not tell them apart. */
const SAME: Readonly<Record<string, string>> = {
  "zh-cn": "zh",
  "zh-tw": "zh",
  nb: "no",
  nn: "no",
  da: "no",
  iw: "he",
  fil: "tl",
  in: "id",
  ms: "id",
}

/**
 * Whether a text is in a language. A text whose language is not clear counts as right when its letters are Latin and the
 * language is one without a list of words here, as IFEval counts texts its detector fails on.
 */
export function isInLanguage(text: string, language: string): boolean {
  const plain = (code: string): string => SAME[code.toLowerCase()] ?? code.toLowerCase()
  const found = detectLanguage(text)
  if (found !== undefined) return plain(found) === plain(language)
  const known = [
    ...WORDS.keys(),
    ...SCRIPTS.map(([, code]) => code),
    ...Object.values(VARIANTS)
      .flat()
      .map(([, code]) => code),
  ]
  return !known.some((code) => plain(code) === plain(language)) || !/\p{L}/u.test(text)
}
