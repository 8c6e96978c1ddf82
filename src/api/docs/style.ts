/** How the documentation looks in a browser: light and dark, narrow and wide, printed. */
export const DOCS_STYLE = `:root {
  color-scheme: light dark;
  --text: light-dark(#1f2328, #d5d7da);
  --soft: light-dark(#5a626a, #a6a7ab);
  --back: light-dark(#ffffff, #1f1f1f);
  --box: light-dark(#f3f5f7, #2b2b2b);
  --line: light-dark(#dee2e6, #424242);
  --link: light-dark(#1864ab, #74c0fc);
  --here: light-dark(#fff3bf, #4a3f00);
}
* { box-sizing: border-box; }
html { scroll-padding-top: 16px; }
body { margin: 0; background: var(--back); color: var(--text); font: 15px/1.55 system-ui, sans-serif; }
header { display: flex; gap: 20px; padding: 12px 24px; border-bottom: 1px solid var(--line); font-weight: 600; }
.columns { display: flex; gap: 32px; max-width: 1240px; margin: 0 auto; padding: 0 24px 64px; align-items: flex-start; }
nav { position: sticky; top: 0; flex: 0 0 220px; max-height: 100vh; overflow: auto; padding: 20px 0; font-size: 13px; }
nav ul { list-style: none; margin: 0; padding: 0; }
nav li { margin: 5px 0; }
main { flex: 1; min-width: 0; max-width: 900px; }
a { color: var(--link); }
h1 { font-size: 28px; line-height: 1.25; }
h2 { margin-top: 36px; padding-top: 8px; border-top: 1px solid var(--line); font-size: 21px; }
h3 { margin-top: 28px; font-size: 17px; }
:target { background: var(--here); }
tr:has(:target) td { background: var(--here); }
code, pre { font: 13px/1.5 ui-monospace, monospace; }
code { padding: 1px 4px; border-radius: 3px; background: var(--box); overflow-wrap: anywhere; }
pre { padding: 12px 14px; overflow: auto; border-radius: 4px; background: var(--box); }
pre code { padding: 0; overflow-wrap: normal; }
blockquote { margin: 0; padding: 0 16px; border-left: 3px solid var(--line); color: var(--soft); }
img { max-width: 100%; height: auto; }
.table { overflow-x: auto; margin: 16px 0; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { padding: 6px 10px; border: 1px solid var(--line); text-align: left; vertical-align: top; }
th { background: var(--box); }
td:first-child code { overflow-wrap: normal; }
@media (max-width: 860px) {
  .columns { display: block; padding: 0 16px 48px; }
  nav { display: none; }
  header { padding: 12px 16px; }
}
@media print {
  header, nav { display: none; }
}
`
