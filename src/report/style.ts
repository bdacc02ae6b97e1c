/** How a report looks: light and dark by the reader's scheme, one column on a phone, black on white on paper. */

const light = {
  page: "#f6f7f9", panel: "#ffffff", text: "#1c2430", muted: "#5b6676", line: "#98a2b3", grid: "#e4e7ec", accent: "#1f6feb",
  blue: "#1f6feb", orange: "#d9730d", teal: "#0f8b8d", purple: "#7c4dcc", red: "#cf2f3a", olive: "#7a7a12",
  reinforced: "#1a8f4a", suppressed: "#cf2f3a", undecided: "#98a2b3", rose: "#4fb477", fell: "#e37b82",
} as const

const dark: Readonly<Record<keyof typeof light, string>> = {
  page: "#12161c", panel: "#1a2029", text: "#e4e8ee", muted: "#97a3b4", line: "#5a6677", grid: "#2b3441", accent: "#6aa5ff",
  blue: "#6aa5ff", orange: "#f0a050", teal: "#4cc9c4", purple: "#b394f4", red: "#ff7b84", olive: "#c9c35a",
  reinforced: "#4fce84", suppressed: "#ff7b84", undecided: "#6f7c8e", rose: "#3f9d66", fell: "#b9585f",
}

/** Colours of the lines of a chart, in their order. */
export const lineColors = ["blue", "orange", "teal", "purple", "red", "olive"] as const

function variables(colors: Readonly<Record<string, string>>): string {
  return Object.entries(colors).map(([name, value]) => `--${name}:${value}`).join(";")
}

/** Colours as variables, on the page and on pictures that stand alone. Paper is always light. */
export function colorVariables(selector: string): string {
  return `${selector}{${variables(light)}}@media screen and (prefers-color-scheme:dark){${selector}{${variables(dark)}}}`
}

/** Classes of the shapes in the pictures: a colour each, for fills and strokes. */
export const shapeStyle: string = [
  "svg .txt{fill:var(--muted)}svg .head{fill:var(--text);font-weight:600}svg .grid{stroke:var(--grid)}svg .axis{stroke:var(--line)}svg .ground{fill:var(--panel)}",
  ...[...lineColors, "reinforced", "suppressed", "undecided", "rose", "fell"].map((name) => `svg .${name}{--c:var(--${name})}`),
  "svg .fill{fill:var(--c)}svg .line{fill:none;stroke:var(--c);stroke-width:1.6;stroke-linejoin:round}",
  "svg .dots{fill:none;stroke:var(--c);stroke-width:4;stroke-linecap:round}svg .band{fill:var(--c);fill-opacity:.16}",
].join("")

/** The style sheet of a page. */
export const pageStyle: string = `${colorVariables(":root")}${shapeStyle}
:root{color-scheme:light dark}*{box-sizing:border-box}
body{margin:0 auto;max-width:1180px;padding:20px 16px;background:var(--page);color:var(--text);font:14px/1.5 system-ui,sans-serif}
h1{margin:0 0 4px;font-size:22px;overflow-wrap:anywhere}h2{margin:0 0 10px;font-size:17px}h3{margin:14px 0 6px;font-size:14px}
p{margin:6px 0}a{color:var(--accent)}nav{margin:10px 0 4px;line-height:1.9}nav a{margin-right:10px;white-space:nowrap}
section{background:var(--panel);border:1px solid var(--grid);border-radius:8px;padding:14px 16px;margin:14px 0}
footer,.note{color:var(--muted);font-size:13px}.warn{color:var(--red)}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(210px,1fr));gap:8px 18px;margin:0}dl div{min-width:0}
dt{color:var(--muted);font-size:12px}dd{margin:0;overflow-wrap:anywhere}
.big{display:grid;grid-template-columns:repeat(auto-fill,minmax(180px,1fr));gap:10px;margin-bottom:12px}
.big div{border:1px solid var(--grid);border-radius:8px;padding:8px 12px}.big b{display:block;font-size:21px;line-height:1.35}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:13px;font-variant-numeric:tabular-nums}
th,td{padding:3px 10px;border-bottom:1px solid var(--grid);text-align:right;vertical-align:top;font-weight:400;white-space:nowrap}
thead th{color:var(--muted)}th:first-child{text-align:left;padding-left:0}.words td,.words th{text-align:left}.words td:last-child{white-space:normal;overflow-wrap:anywhere;min-width:220px}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,340px),1fr));gap:14px}
figure{margin:0;min-width:0}figcaption{font-size:13px}figcaption b{margin-right:6px}.unit,.key{color:var(--muted);font-size:12px}
.key{margin-right:10px;white-space:nowrap}.key svg{width:16px;height:8px;margin-right:4px}
svg{display:block;width:100%;height:auto;font:11px system-ui,sans-serif}.key svg{display:inline-block}.wide svg{min-width:620px}
pre{margin:4px 0;padding:8px 10px;background:var(--page);border-radius:6px;font:12px/1.45 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate;max-height:420px;overflow-y:auto}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,250px),1fr));gap:10px}
article{border:1px solid var(--grid);border-radius:8px;padding:8px 10px;min-width:0}article p{overflow-wrap:anywhere}
.right{color:var(--reinforced);font-weight:600}.wrong{color:var(--suppressed);font-weight:600}summary{cursor:pointer}
.alarm{border-left:4px solid var(--orange);margin:8px 0}.serious{border-left-color:var(--red)}.alarm p{margin:2px 0}
@media (max-width:600px){body{padding:12px 8px}section{padding:12px 10px}}
@media print{body{max-width:none;background:none;font-size:11px;padding:0}section{border:0;padding:0}nav{display:none}pre{max-height:none}figure,article,tr{break-inside:avoid}.charts{grid-template-columns:1fr 1fr}}
`
