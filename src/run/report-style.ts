/** The report's whole style. Two palettes, chosen by what the reader's system prefers; prints in the light one. */
export const reportStyle = `
:root {
  color-scheme: light dark;
  --paper: #f7f6f2; --card: #fffefb; --ink: #22262b; --soft: #646b74; --faint: #d9d7cf;
  --base: #8b95a3; --trained: #0b7a6b; --mixed: #d8a648; --right: #0b7a6b; --wrong: #b4533c; --tint: #eaf3f0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171a; --card: #1b1f23; --ink: #e4e6e3; --soft: #98a0a8; --faint: #343a40;
    --base: #8d98a6; --trained: #4fc9b2; --mixed: #d3a44d; --right: #4fc9b2; --wrong: #e58a70; --tint: #1d2b2a;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.6 Inter, ui-sans-serif, system-ui, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  font-feature-settings: "tnum";
}
main { max-width: 1020px; margin: 0 auto; padding: 56px 28px 96px; }
h1 { font-size: 32px; line-height: 1.2; letter-spacing: -0.02em; font-weight: 650; margin: 0 0 28px; }
h2 { font-size: 21px; letter-spacing: -0.01em; font-weight: 650; margin: 64px 0 6px; }
h3 { font-size: 15px; font-weight: 650; margin: 0; }
p { margin: 0 0 12px; max-width: 68ch; }
.kicker { color: var(--soft); font-size: 14px; margin: 0 0 10px; }
.lead { font-size: 17.5px; }
.note { max-width: 86ch; }
.note, .card > p { color: var(--soft); font-size: 14px; line-height: 1.5; }
.hero { display: grid; grid-template-columns: auto auto auto 1fr; gap: 12px 26px; align-items: end; margin: 0 0 30px; }
.hero b { display: block; font-feature-settings: "tnum" 0; font-size: 68px; line-height: 1; letter-spacing: -0.045em; font-weight: 650; }
.hero small { display: block; color: var(--soft); font-size: 14px; margin-top: 10px; }
.hero .arrow { color: var(--base); font-size: 34px; line-height: 1; align-self: start; padding-top: 17px; }
.hero .from b { color: var(--base); } .hero .to b { color: var(--trained); }
.facts { display: flex; flex-wrap: wrap; gap: 6px 24px; justify-content: flex-end; }
.facts div { min-width: 80px; }
.facts b { font-size: 23px; letter-spacing: -0.02em; line-height: 1.2; color: var(--ink); }
.facts small { margin-top: 2px; }
.card { background: var(--card); border: 1px solid var(--faint); border-radius: 12px; padding: 20px 22px; margin: 16px 0 0; }
.card > p { margin: 2px 0 10px; }
.grid { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 16px; margin-top: 16px; }
.grid .card { margin: 0; }
svg { width: 100%; height: auto; display: block; color: var(--soft); --plot-background: transparent; }
.wide { overflow-x: auto; } .wide svg { min-width: 620px; }
.key { white-space: nowrap; margin-right: 14px; }
.key::before { content: ""; display: inline-block; width: 10px; height: 10px; border-radius: 50%; margin-right: 6px; background: var(--k); }
.key.line::before { height: 3px; width: 16px; border-radius: 2px; vertical-align: 4px; }
.key.ring::before { background: none; border: 2px solid var(--k); }
table { border-collapse: collapse; width: 100%; font-size: 14.5px; }
th { text-align: left; color: var(--soft); font-weight: 500; font-size: 13px; }
th, td { padding: 7px 14px 7px 0; border-bottom: 1px solid var(--faint); vertical-align: top; }
tr:last-child td { border-bottom: 0; }
td.n, th.n { text-align: right; }
td.up { color: var(--trained); font-weight: 600; }
.bar { display: inline-block; height: 9px; border-radius: 2px; background: var(--k); vertical-align: 0; }
.barcell { width: 26%; }
.pair { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); gap: 14px; margin-top: 12px; }
.answer { border-radius: 9px; border: 1px solid var(--faint); padding: 11px 14px; min-width: 0; }
.answer.after { background: var(--tint); border-color: transparent; }
.answer header { display: flex; flex-wrap: wrap; gap: 2px 10px; justify-content: space-between; font-size: 13px; color: var(--soft); }
.mark { font-weight: 650; } .mark.right { color: var(--right); } .mark.wrong { color: var(--wrong); }
pre, code { font-family: ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", Menlo, monospace; font-size: 13px; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 8px 0 0; line-height: 1.55; }
pre.block { background: var(--card); border: 1px solid var(--faint); border-radius: 9px; padding: 13px 16px; margin: 12px 0; }
.prompt { color: var(--ink); margin: 4px 0 0; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 5px 24px; margin: 14px 0; font-size: 14.5px; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
footer { margin-top: 64px; color: var(--soft); font-size: 13px; }
@media (max-width: 760px) {
  main { padding: 32px 16px 64px; } h1 { font-size: 27px; }
  .grid, .pair { grid-template-columns: minmax(0, 1fr); }
  .hero { grid-template-columns: auto auto 1fr; } .hero b { font-size: 46px; } .hero .arrow { font-size: 26px; padding-top: 10px; }
  .facts { grid-column: 1 / -1; justify-content: flex-start; } .facts b { font-size: 20px; }
}
@media print { :root { --paper: #fff; --card: #fff; } .card, .answer { break-inside: avoid; } }
`;
